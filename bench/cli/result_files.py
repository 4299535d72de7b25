"""Files that a command is asked to write its result into, and the page of a GitHub job. Called by the commands of `regression`."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.files import append_line, check_output, read_regular, write_whole

JOB_PAGE_VARIABLE = "GITHUB_STEP_SUMMARY"
"""The environment variable in which GitHub Actions names the file of a job's page."""
SOURCES = frozenset((".py", ".pyi", ".toml", ".cfg", ".ini"))
"""By how their names end: one that is there is replaced by no result."""
LIMIT_BYTES = 50_000_000
"""Of an earlier result that is read."""


@dataclass(frozen=True)
class ResultFiles:
    """The files of one result: JSON for programs, and Markdown, which also goes to the page of a GitHub job."""

    json: Path | None
    markdown: Path | None

    def write(self, document: Mapping[str, Any], page: str) -> None:
        """Write the final result.

        Raises
        ------
        OSError
            If a file can't be written; the others are.

        """
        failures = []
        for path, text in ((self.json, _as_text(document)), (self.markdown, page)):
            try:
                if path is not None:
                    _write(path, text)
            except OSError as error:
                failures.append(error)
        try:
            write_job_page(page)
        except OSError as error:
            failures.append(error)
        if failures:
            raise failures[0]

    def write_so_far(self, document: Mapping[str, Any]) -> None:
        """Replace the JSON by what is known now, as the command may be killed; what is no plain file is left for the end."""
        if self.json is not None and (self.json.is_file() or not self.json.exists()):
            with suppress(OSError):
                _write(self.json, _as_text(document))


def check_writable(paths: Iterable[Path | None]) -> None:
    """Check before anything is measured that each of `paths`, and the job's page, can be written; None is left out.

    No file of a run may be, and no source.

    Raises
    ------
    ValueError
        If one can't.

    """
    from bench.records.run_files import check_result

    job_page = os.environ.get(JOB_PAGE_VARIABLE)
    wanted = [path for path in (*paths, Path(job_page) if job_page else None) if path is not None]
    for number, path in enumerate(wanted):
        try:
            check_result(path)
        except ValueError as error:
            name = f"{JOB_PAGE_VARIABLE}: " if job_page and number == len(wanted) - 1 else ""
            raise ValueError(f"{name}{error}") from None
        if path.suffix in SOURCES and path.exists():
            raise ValueError(f"{path} would be replaced: it is a source or a setting of a project, and no result")
        if path.resolve() in [other.resolve() for other in wanted[:number]]:
            raise ValueError(f"{path} is named for two results: each needs a file of its own")


def check_replaceable(folder: Path, names: Sequence[str], keys: Collection[str]) -> None:
    """Check that files of `folder` may be written: they are new, or those of an earlier call of the same command.

    Parameters
    ----------
    folder
        Holds them.
    names
        The first is JSON, and is written first of all.
    keys
        What the JSON of this command has.

    Raises
    ------
    ValueError
        If a file is somebody else's, or can't be written.

    """
    first, *others = (folder / name for name in names)
    for path in (first, *others):
        check_output(path)
    foreign = [path for path in others if path.exists()] if not first.exists() else [] if _has_keys(first, keys) else [first]
    if foreign:
        raise ValueError(f"{foreign[0]} would be replaced, and this command didn't write it: name another folder with --out")


def _has_keys(path: Path, keys: Collection[str]) -> bool:
    try:
        found = json.loads(read_regular(path, LIMIT_BYTES, follow_links=False))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(found, dict) and found.keys() >= set(keys)


def write_job_page(text: str) -> None:
    """Append `text` to the page of the GitHub job, if this is one, whole or not at all."""
    if job_page := os.environ.get(JOB_PAGE_VARIABLE):
        append_line(Path(job_page), text.removesuffix("\n"))


def _as_text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2) + "\n"


def _write(path: Path, text: str) -> None:
    if path.is_file() or not path.exists():
        write_whole(path.resolve(), text)
    else:
        path.write_text(text, encoding="utf-8")
