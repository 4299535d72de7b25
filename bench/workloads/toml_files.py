"""Workloads from TOML files, and the lookup of the workload that the command line names.

Called by run selection. Paths in a file are relative to the file's own folder. `bench.workloads.validation` checks what is read.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bench.error_messages import may_be, one_line
from bench.records.validation_errors import first_mistake
from bench.workloads.builtin import WORKLOADS
from bench.workloads.models import Workload
from bench.workloads.validation import check


class WorkloadError(ValueError):
    """An unknown or invalid workload: one line with the file and the key."""


def find_workload(text: str) -> Workload:
    """Return the workload that the command line names: a built-in one, or a TOML file.

    Raises
    ------
    WorkloadError
        If there is none of that name, or the file is invalid.

    """
    if text in WORKLOADS:
        return WORKLOADS[text]
    if text.endswith(".toml"):
        return load_workload(text)
    raise WorkloadError(f"workload {text!r} is unknown: {may_be(text, WORKLOADS)}, or your own as FILE.toml")


def load_workload(path: str | Path) -> Workload:
    """Read a workload from a TOML file and validate all of it; validation draws its data once.

    A key that a table of `settings` leaves out has its value in `training`.

    Raises
    ------
    WorkloadError
        For the first mistake: one line with the file and the key, or the line where the file is no TOML.

    """
    path = Path(path).expanduser()
    raw = _from_folder(_read_toml(path), path.resolve().parent)
    try:
        workload = Workload.model_validate({"name": path.stem, "summary": f"your own, from {path.name}", **raw})
        if workload.name in WORKLOADS:
            raise WorkloadError(f"{path}: name is {workload.name!r}: that is a built-in workload's, so yours needs another")
        check(workload)
    except ValidationError as error:
        raise WorkloadError(f"{path}: {first_mistake(error, Workload)}") from None
    except WorkloadError:
        raise
    except ValueError as error:
        raise WorkloadError(f"{path}: {one_line(error)}") from error
    return workload


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WorkloadError(f"workload {str(path)!r}: there is no such file") from None
    except tomllib.TOMLDecodeError as error:  # names the line and the column
        raise WorkloadError(f"{path} is no TOML: {one_line(error)}") from None
    except UnicodeDecodeError as error:
        raise WorkloadError(f"{path} is no TOML: byte {error.start} is not UTF-8") from None
    except OSError as error:
        raise WorkloadError(f"{path} can't be read: {error.strerror}") from error


def _from_folder(raw: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Make the paths in `raw` absolute and fill up `settings` from `training`; values of a wrong type are left for validation."""
    filled = dict(raw)
    match raw:
        case {"data": {"parameters": {"path": str(file)}}}:
            parameters = {**raw["data"]["parameters"], "path": str(folder / Path(file).expanduser())}
            filled["data"] = {**raw["data"], "parameters": parameters}
    match raw:
        case {"contestants": list(names)}:
            filled["contestants"] = [_contestant_from(name, folder) for name in names]
    match raw:
        case {"settings": dict(settings), "training": dict(training)}:
            filled["settings"] = {
                name: {**training, **changes} if isinstance(changes, dict) else changes for name, changes in settings.items()
            }
    return filled


def _contestant_from(name: object, folder: Path) -> object:
    """Return a contestant's name; that of one in a file gets the file's absolute path."""
    if not isinstance(name, str):
        return name
    place, colon, class_name = name.rpartition(":")
    return f"{folder / Path(place).expanduser()}:{class_name}" if colon and place.endswith(".py") else name
