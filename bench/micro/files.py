"""Where benchmarks write their files: in memory where the system has such. Called by `models` and `callbacks`.

`compare` names a folder of its own, which it removes.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")
FILES_VARIABLE = "MOONS_BENCH_FILES"
"""The environment variable in which `compare` names the folder: a launch that is killed removes nothing itself."""


def new_folder() -> Path:
    """A new temporary folder."""
    given = os.environ.get(FILES_VARIABLE) or (SHARED_MEMORY if SHARED_MEMORY.is_dir() else None)
    return Path(tempfile.mkdtemp(prefix="moons-micro-", dir=given))
