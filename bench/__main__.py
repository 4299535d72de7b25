"""`python -m bench`, and `moons-bench` where it is installed: the command line, or one line that says what it lacks."""

import sys
from importlib.util import find_spec

REQUIRED = (
    "filelock",
    "greenlet",
    "jinja2",
    "matplotlib",
    "numpy",
    "pandas",
    "psutil",
    "pydantic",
    "rich",
    "ruptures",
    "scipy",
    "sklearn",
    "typer",
)
"""The modules of the extra `bench`. Keras and TensorFlow are a contestant's, and `bench list` tells of those."""
INSTALL = 'python -m pip install -e ".[bench]"'
WRONG_USE = 2


def main() -> None:
    """Run a command; without the harness' dependencies, say how to install them and exit with code 2."""
    missing = [name for name in REQUIRED if find_spec(name) is None]
    if missing:
        print(f"error: the harness lacks {', '.join(missing)}; in a checkout, install what it needs by  {INSTALL}", file=sys.stderr)
        sys.exit(WRONG_USE)

    from bench.cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()
