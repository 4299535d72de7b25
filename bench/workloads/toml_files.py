"""Workloads from TOML files, and the lookup of the workload that the command line names.

Called by run selection. Paths in a file are relative to the file's own folder. `bench.workloads.validation` checks what is read.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bench.error_messages import may_be, one_line, plain, short
from bench.files import read_regular
from bench.records.validation_errors import first_mistake
from bench.workloads.builtin import WORKLOADS
from bench.workloads.limits import WORKLOAD_LIMIT_BYTES
from bench.workloads.models import NAME_RULE, Workload, is_name
from bench.workloads.validation import check

MOST_NESTED = 16
_REASONS = {
    r"[\u201c-\u201f\u2018-\u201b\u00ab\u00bb]": "; its quotation marks must be \" or '",
    r"^[{\[]\s*[{\"]": "; JSON isn't read",
    r"^[\w.-]+\s*:": "; a key is followed by = and not by a colon",
    r"=\s*(True|False)\b": "; true and false are written in small letters",
    r"=\s*(None|null|nil)\b": "; there is no such value: leave the key out",
    r"\"[^\"]*\\": "; a backslash must be doubled, or the text put between single quotation marks",
    r"=\s*-?\d+,\d": "; a number has no comma",
    r"=\s*[A-Za-z_~/.]": "; a word stands between quotation marks",
    r"\{[^}]*$": "; a table between braces stands in one line",
}
"""What seems to be wrong with a line that is no TOML, by what it looks like."""


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
    if text.lower().endswith(".toml"):
        return load_workload(text)
    if Path(text).is_file():
        raise WorkloadError(f"workload {text!r} is a file, and its name must end in .toml")
    raise WorkloadError(f"workload {text!r} is unknown: {may_be(text, WORKLOADS)}, or your own as FILE.toml")


def load_workload(path: str | Path) -> Workload:
    """Read a workload from a TOML file and validate all of it; validation draws its data once.

    A key that a table of `settings` leaves out has its value in `training`.

    Raises
    ------
    WorkloadError
        For the first mistake: one line with the file and the key, or the line where the file is no TOML.

    """
    path = _expanded(str(path), "workload")
    raw = _read_toml(path)
    try:
        raw = _from_folder(raw, path.resolve().parent)
        _check_values(raw)
        if "name" not in raw and not is_name(path.stem):
            raise WorkloadError(f'{path}: name is missing, and {path.stem!r} can\'t be one: set  name = "..."; {NAME_RULE}')
        workload = Workload.model_validate({"name": path.stem, "summary": f"your own, from {path.name}", **raw})
        if workload.name in WORKLOADS:
            raise WorkloadError(f"{path}: name is {workload.name!r}: that is a built-in workload's, so yours needs another")
        check(workload)
    except ValidationError as error:
        raise WorkloadError(f"{path}: {first_mistake(error, Workload)}") from None
    except WorkloadError as error:
        raise error if str(error).startswith(str(path)) else WorkloadError(f"{path}: {error}") from None
    except (ValueError, OverflowError) as error:
        raise WorkloadError(f"{path}: {one_line(error)}") from error
    return workload


def _read_toml(path: Path) -> dict[str, Any]:
    text = ""
    try:
        text = read_regular(path, WORKLOAD_LIMIT_BYTES).decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
        return tomllib.loads(text)
    except FileNotFoundError:
        raise WorkloadError(f"workload {str(path)!r}: there is no such file") from None
    except tomllib.TOMLDecodeError as error:  # names the line and the column
        raise WorkloadError(f"{path} is no TOML: {one_line(error)}{_reason(text, str(error))}") from None
    except UnicodeDecodeError as error:
        raise WorkloadError(f"{path} is no TOML: byte {error.start} is not UTF-8; save it as UTF-8") from None
    except ValueError as error:  # Python's limit for the digits of a number
        raise WorkloadError(f"{path} is no TOML: {one_line(error)}") from None
    except RecursionError:
        raise WorkloadError(f"{path} is nested too deeply: {MOST_NESTED} levels are read") from None
    except OSError as error:
        raise WorkloadError(f"{path} can't be read: {one_line(error.strerror)}") from error


def _reason(text: str, error: str) -> str:
    """Return the line that is no TOML, and what seems to be wrong with it."""
    if "\0" in text:
        return "; it has zero bytes, as UTF-16 does: save it as UTF-8"
    found = re.search(r"\(at line (\d+),", error)
    lines = text.split("\n")
    if found is None:  # it is the last one, and nothing stands below it
        lines = text.rstrip("\n").split("\n")[-1:]
    line = lines[int(found[1]) - 1 if found else -1].strip(" \t")
    hidden = plain(line) != line or any(letter.isspace() and letter not in " \t" for letter in line)
    reason = "; it has a character that can't be seen: remove it" if hidden else ""
    reason = next((likely for pattern, likely in _REASONS.items() if re.search(pattern, line)), reason)
    return f": {short(line)}{reason}" if line else ""


def _expanded(text: str, key: str) -> Path:
    """Return a path with `~` and `~user` replaced."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        user = text.partition("/")[0]
        raise WorkloadError(f"{key} is {short(text)}: this machine has no home for {user!r}") from None


def _placed(text: str, key: str, folder: Path) -> Path:
    """Return the absolute path of a file, seen from `folder`, without `..`; a file that is a link keeps its name."""
    path = folder / _expanded(text, key)
    return path.parent.resolve() / path.name


def _check_values(raw: dict[str, Any]) -> None:
    """Check what no model of ours looks at: how deep tables are nested, and that numbers are as large as TOML's may be."""
    level: list[tuple[str, Any]] = list(raw.items())
    for _ in range(MOST_NESTED):
        inner: list[tuple[str, Any]] = []
        for key, value in level:
            if isinstance(value, int) and not -(2**63) <= value < 2**63:
                raise WorkloadError(f"{key} is a whole number of {len(str(value))} digits: it may have 64 bits")
            if isinstance(value, dict):
                inner += [(f"{key}.{name}", item) for name, item in value.items()]
            if isinstance(value, list):
                inner += [(f"{key}.{number}", item) for number, item in enumerate(value)]
        level = inner
    if level:
        raise WorkloadError(f"{level[0][0][:80]} is nested too deeply: {MOST_NESTED} levels are read")


def _from_folder(raw: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Make the paths in `raw` absolute and fill up `settings` from `training`; values of a wrong type are left for validation."""
    filled = dict(raw)
    match raw:
        case {"data": {"parameters": {"path": str(file)}}}:
            parameters = {**raw["data"]["parameters"], "path": str(_placed(file, "data.parameters.path", folder))}
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
    return f"{_placed(place, 'contestants', folder)}:{class_name}" if colon and place.endswith(".py") else name
