"""Reads files of a JSON record a line, which a kill may have cut short and others may have edited."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from bench.files import BYTE_ORDER_MARK, read_regular
from bench.records.validation_errors import first_mistake

LIMIT_BYTES = 50_000_000

Model = TypeVar("Model", bound=BaseModel)


def read_json_lines(path: Path, model: type[Model]) -> tuple[list[Model], list[str]]:
    """Return the records of the lines of `path`, and a message for each line that is set aside: it is ignored and left in the file.

    Raises
    ------
    OSError
        If it is no regular file, or larger than `LIMIT_BYTES`. One that isn't there has no lines.

    """
    records: list[Model] = []
    set_aside: list[str] = []
    try:
        content = read_regular(path, LIMIT_BYTES, follow_links=False).removeprefix(BYTE_ORDER_MARK)
    except FileNotFoundError:
        return records, set_aside
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            records.append(model.model_validate_json(line.strip()))
        except ValidationError as error:
            is_other = error.errors(include_url=False)[0]["loc"] == ("schema_version",)
            other = " (written by another version of this program)" if is_other else ""
            set_aside.append(f"{path.name}, line {number}: {first_mistake(error, model)}{other}")
    return records, set_aside
