"""How a Python process of this project's own is started: its command, and the search path by which it finds this very code.

Called by whatever starts workers, checks of contestants and launches of a comparison. Standard library only: a worker has it too.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

CODE_FOLDER = Path(__file__).resolve().parents[1]
"""The folder that holds `bench`, `numpy_nn` and `keras_ref`: a checkout, or an environment's `site-packages`."""


def python_command(module: str) -> list[str]:
    """The command that runs `module` as a program.

    `-P` keeps the current folder off the search path: else an installed harness that is called inside a checkout would measure
    the checkout's code under its own name.
    """
    return [sys.executable, "-P", "-m", module]


def search_path(environment: Mapping[str, str]) -> dict[str, str]:
    """`PYTHONPATH` of a child: this code first, then whatever `environment` has."""
    return {"PYTHONPATH": os.pathsep.join([str(CODE_FOLDER), *filter(None, [environment.get("PYTHONPATH")])])}
