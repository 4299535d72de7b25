"""Refuses a process that may have too little memory. Called by `bench.cli.main`, before NumPy is imported.

OpenBLAS ends a process that gets no memory with exit code 1, which would be taken for a bad answer.
"""

from __future__ import annotations

import sys

from bench.cli.boundary import CommandError
from bench.cli.exit_codes import ExitCode

LEAST_BYTES = 1_000_000_000
"""A report takes two thirds of it, nearly all of it addresses alone."""
_LIMITS = (("RLIMIT_AS", "ulimit -v"), ("RLIMIT_DATA", "ulimit -d"))


def check_memory_limits() -> None:
    """Check the limits that the user's shell, or a batch system, has set.

    Raises
    ------
    CommandError
        If one is below `LEAST_BYTES`.

    """
    if sys.platform == "win32":
        return
    import resource

    for name, typed in _LIMITS:
        limit = resource.getrlimit(getattr(resource, name))[0]
        if limit != resource.RLIM_INFINITY and limit < LEAST_BYTES:
            raise CommandError(
                f"this process may have {limit / 1e6:,.0f} MB of memory ({typed}): it needs {LEAST_BYTES / 1e6:,.0f} MB",
                ExitCode.WRONG_USE,
            )
