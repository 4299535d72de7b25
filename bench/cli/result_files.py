"""Files that a command is asked to write its result into, and the page of a GitHub job. Called by the commands of `regression`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

JOB_PAGE_VARIABLE = "GITHUB_STEP_SUMMARY"
"""The environment variable in which GitHub Actions names the file of a job's page."""


def check_writable(paths: Iterable[Path | None]) -> None:
    """Check before anything is measured that each of `paths`, and the job's page, can be written; None is left out.

    Raises
    ------
    ValueError
        If one can't.

    """
    job_page = os.environ.get(JOB_PAGE_VARIABLE)
    for path in (*paths, Path(job_page) if job_page else None):
        if path is None:
            continue
        folder = path.resolve().parent
        if path.is_dir():
            raise ValueError(f"{path} can't be written: it is a folder, and must be a file")
        if not folder.is_dir() or not os.access(folder, os.W_OK):
            raise ValueError(f"{path} can't be written: it must be in an existing folder with write permission")


def write_job_page(text: str) -> None:
    """Append `text` to the page of the GitHub job, if this is one."""
    if job_page := os.environ.get(JOB_PAGE_VARIABLE):
        with Path(job_page).open("a", encoding="utf-8") as file:
            file.write(text)
