"""`python -m bench`, and `moons-bench` where it is installed: the command line, or one line that says what it lacks."""

import sys
from contextlib import suppress
from importlib.util import find_spec
from os import getcwd, path  # loaded as Python starts, so from nowhere else

REQUIRED = (
    "filelock",
    "greenlet",
    "jinja2",
    "matplotlib",
    "numpy",
    "pandas",
    "PIL",
    "psutil",
    "pydantic",
    "rich",
    "ruptures",
    "scipy",
    "sklearn",
    "threadpoolctl",
    "typer",
)
"""The modules of the extra `bench`. Keras and TensorFlow are a contestant's, and `bench list` tells of those."""
REQUIRED_OF = {"compare": ("filelock", "greenlet", "numpy", "psutil", "pydantic", "rich", "typer")}
"""The modules of the extra by the name of a command that needs less."""
INSTALL = 'python -m pip install -e ".[{}]"'
WRONG_USE, NOT_ALL, UNFORESEEN = 2, 3, 5


def main() -> None:
    """Run a command; before its own boundary takes over, an error is one line with code 5 here, and Ctrl-C ends with code 3."""
    try:
        _main()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        leave(NOT_ALL)
    except SystemExit as ended:
        if ended.code != NOT_ALL and not sys.flags.inspect:  # PYTHONINSPECT makes any exit code a 1
            raise
        leave(int(ended.code or 0))
    except Exception as error:
        _tell_of(error)
        sys.exit(UNFORESEEN)


def _tell_of(error: Exception) -> None:
    """Tell of an error as the boundary does, or where that can't be imported either, in a line without a file."""
    try:
        from bench.cli.boundary import complain, unforeseen

        complain(unforeseen(error))
    except Exception:
        print(f"error: the harness can't be started: {type(error).__name__}: {' '.join(str(error).split())}", file=sys.stderr)


def _main() -> None:
    """Run a command; without the harness' dependencies, say how to install them and exit with code 2."""
    extra = sys.argv[1] if sys.argv[1:] and sys.argv[1] in REQUIRED_OF else "bench"
    missing = [name for name in REQUIRED_OF.get(extra, REQUIRED) if find_spec(name) is None]
    if missing:
        install = INSTALL.format(extra)
        print(f"error: the harness lacks {', '.join(missing)}; in a checkout, install what it needs by  {install}", file=sys.stderr)
        sys.exit(WRONG_USE)

    from bench.cli import main as command_line

    command_line()


def leave(code: int) -> None:
    """End the process with this exit code after an interrupt.

    Where Ctrl-C has once struck code that `exec` ran, as that of data classes, Python ends by SIGINT, not with its exit code; and
    by a second signal while it cleans up.
    """
    import atexit
    import os
    import signal  # not above: `leave_current_folder` comes first

    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    atexit._run_exitfuncs()  # temporary folders are removed there
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with suppress(OSError, ValueError):
                stream.flush()
    os._exit(code)


def leave_current_folder() -> None:
    """Import nothing from the current folder, which `-m` puts first, unless this package lies there: a `random.py` may, too."""
    try:
        here = getcwd()  # noqa: PTH109
        lies_there = path.samefile(path.dirname(path.dirname(path.abspath(__file__))), here)  # noqa: PTH100, PTH120, PTH121
    except OSError:  # it is gone
        return
    if sys.path[0] in ("", here) and not lies_there:
        del sys.path[0]


if __name__ == "__main__":
    leave_current_folder()
    main()
