"""Generates the schema files: `python -m bench.records.schemas`."""

from bench.records.schemas import FOLDER, MODELS, as_text

for name, model in MODELS.items():
    (FOLDER / name).write_text(as_text(model), encoding="utf-8")
