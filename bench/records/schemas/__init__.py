"""The records' JSON Schemas, for other programs: `run.schema.json`, and `trial.schema.json` for a line of trials.jsonl.

`python -m bench.records.schemas` generates them from `bench.records.models`; a test fails while they are out of date.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.records.models import SCHEMA_VERSION, Record, Run, Trial

FOLDER = Path(__file__).parent
MODELS: dict[str, type[Record]] = {"run.schema.json": Run, "trial.schema.json": Trial}


def json_schema(model: type[Record]) -> dict[str, Any]:
    """Return the schema of a record as it is written, with its version fixed."""
    schema = model.model_json_schema(mode="serialization")
    schema["properties"]["schema_version"] = {"const": SCHEMA_VERSION, "title": "Schema Version"}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def as_text(model: type[Record]) -> str:
    """Return the text of a model's schema file."""
    return json.dumps(json_schema(model), indent=2, ensure_ascii=False) + "\n"
