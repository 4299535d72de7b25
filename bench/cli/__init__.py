"""The command line: commands, options, progress, exit codes.

`main` is what `python -m bench` and `moons-bench` call.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from typing import NoReturn

__all__ = ["main"]

MOST_DATE_DIGITS = 11
"""Of seconds since 1970: they end in the year 5138."""


def main() -> NoReturn:
    """Run the command that `sys.argv` names, and exit with its exit code."""
    from bench.cli.boundary import exit_with_code_of

    exit_with_code_of(_command)


def _command() -> int:
    """Call the command; its imports are made here, so that one that fails is handled as any other error."""
    from bench.cli.memory_limits import check_memory_limits

    check_memory_limits()
    _keep_own_rights()
    _set_libraries()
    from bench.cli.app import run_app

    return run_app()


def _keep_own_rights() -> None:
    """Let this user read and write what is written, whatever the umask is: a run couldn't go on in its own folder."""
    mask = os.umask(0o077)
    os.umask(mask & 0o077)


def _set_libraries() -> None:
    """Set aside what in the user's settings would have a library fail, or talk of itself, in the middle of a command."""
    if any("error".startswith(option.partition(":")[0] or "?") for option in sys.warnoptions):  # -W error, -bb, PYTHONWARNINGS
        warnings.simplefilter("default")
    os.environ["MPLBACKEND"] = "Agg"  # with a user's that isn't installed, Matplotlib can't be imported; no command opens a window
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it tells a user without a home where its cache is
    date = os.environ.get("SOURCE_DATE_EPOCH", "0")
    if not date.isdecimal() or len(date) > MOST_DATE_DIGITS:  # NumPy, too, can't be imported whole with one that is no number
        del os.environ["SOURCE_DATE_EPOCH"]
