"""The harness: trains the same network with every contestant, and reports what was measured.

`bench.load(DIR)` gives the trials of a run as a tidy pandas DataFrame. Importing this package costs nothing: a worker does so
before its contestant's clock starts.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as type checkers take it: `typing` might be a file of the current folder

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

__all__ = ["load"]


def __getattr__(name: str) -> str:
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from numpy_nn import __version__

    return __version__


def load(directory: str | Path) -> pd.DataFrame:
    """The trials of the run in `directory`, a row a trial; lists stay lists.

    Reads `run.json` and `trials.jsonl`, and neither writes nor executes anything. Lines that are damaged, of another run, or copies
    are left out.

    Raises
    ------
    bench.records.RecordError
        If `directory` holds no run.

    """
    from pathlib import Path

    from bench.analysis.frame import trials_frame
    from bench.records import read_run

    return trials_frame(read_run(Path(directory).expanduser()).trials)
