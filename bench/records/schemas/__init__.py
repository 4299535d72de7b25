"""The records' JSON Schemas, for readers in other languages: `run.schema.json`, and `trial.schema.json` for a line of trials.jsonl.

Made from the models in `records.store`, by `python -m bench.records.schemas` whenever these change; a test holds that it was done.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.records.models import SCHEMA_VERSION, Record, Run, Trial

FOLDER = Path(__file__).parent
MODELS: dict[str, type[Record]] = {"run.schema.json": Run, "trial.schema.json": Trial}


def json_schema(model: type[Record]) -> dict[str, Any]:
    """What a record of this model is as it is written, its version pinned."""
    schema = model.model_json_schema(mode="serialization")
    schema["properties"]["schema_version"] = {"const": SCHEMA_VERSION, "title": "Schema Version"}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def as_text(model: type[Record]) -> str:
    """The schema file's text."""
    return json.dumps(json_schema(model), indent=2, ensure_ascii=False) + "\n"
