"""Files that a command is asked to write its result into, and the page of a GitHub job. Called by the commands of `regression`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from bench.files import check_output

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
    wanted = [path for path in (*paths, Path(job_page) if job_page else None) if path is not None]
    for number, path in enumerate(wanted):
        check_output(path)
        if path.resolve() in [other.resolve() for other in wanted[:number]]:
            raise ValueError(f"{path} is named for two results: each needs a file of its own")


def write_job_page(text: str) -> None:
    """Append `text` to the page of the GitHub job, if this is one."""
    if job_page := os.environ.get(JOB_PAGE_VARIABLE):
        with Path(job_page).open("a", encoding="utf-8") as file:
            file.write(text)
