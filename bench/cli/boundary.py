"""Where exceptions become exit codes: one line on standard error, never a traceback, and never exit code 1.

Used by `bench.cli.main` around every command. Commands say with `known_errors` and `wrong_use` which exceptions they expect; any
other one is unforeseen, and its traceback goes to a file. Imports the standard library only, so that it also handles an import that
fails.
"""

from __future__ import annotations

import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import NoReturn

from bench.cli.exit_codes import ExitCode
from bench.cli.streams import forgiving_streams, open_closed_descriptors
from bench.error_messages import one_line
from bench.files import in_words, interrupt_behind


class CommandError(Exception):
    """An expected failure of a command.

    Parameters
    ----------
    message
        For the user, without "error:".
    exit_code
        What the command ends with.

    """

    def __init__(self, message: str, exit_code: ExitCode) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@contextmanager
def known_errors(exit_code: ExitCode, *kinds: type[Exception], prefix: str = "") -> Iterator[None]:
    """Turn exceptions of `kinds` that the block raises into the failure of the command with `exit_code`."""
    try:
        yield
    except kinds as error:
        raise CommandError(f"{prefix}{in_words(error)}", exit_code) from error


def wrong_use() -> AbstractContextManager[None]:
    """For a block that reads and checks what the user named: a check raises a ValueError, a file that can't be read an OSError."""
    return known_errors(ExitCode.WRONG_USE, ValueError, OSError)


def complain(text: str) -> None:
    """Print one line on standard error."""
    print(one_line(text), file=sys.stderr)


def exit_with_code_of(command: Callable[[], int]) -> NoReturn:
    """Call `command` and end the process with the exit code that it returns, or that its exception has.

    SIGTERM, and SIGHUP where `nohup` doesn't have it ignored, end a command as Ctrl-C does, so that temporary files are removed and
    a run is left in order.
    """
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
    open_closed_descriptors()
    with forgiving_streams() as losses:
        exit_code = _exit_code_of(command)
    if losses.output_is_cut_short and exit_code in (ExitCode.FINE, ExitCode.NO_VERDICT):
        exit_code = ExitCode.NOT_ALL
    sys.exit(exit_code)


def _exit_code_of(command: Callable[[], int]) -> ExitCode:
    try:
        return ExitCode(command())
    except CommandError as error:
        complain(f"error: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        complain("interrupted")
        return ExitCode.NOT_ALL
    except BaseException as error:  # SystemExit too: a library that exits with 1 must not look like a bad answer
        if interrupt_behind(error) is not None:
            complain("interrupted")
            return ExitCode.NOT_ALL
        complain(unforeseen(error))
        return ExitCode.UNFORESEEN


def unforeseen(error: BaseException) -> str:
    """The line for an error that no code expects; its traceback is written to a file that the line names."""
    summary = "".join(traceback.format_exception_only(error)).strip()
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", errors="backslashreplace", prefix="moons-bench-", suffix=".txt", delete=False
        ) as file:
            file.writelines(traceback.format_exception(error))
    except OSError as failure:
        return f"error: unforeseen {summary}; its traceback could not be written to a file: {in_words(failure)}"
    return f"error: unforeseen {summary}; its traceback is in {file.name}"
