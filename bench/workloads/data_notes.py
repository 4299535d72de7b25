"""What a user should see before a training on a file of his own: what was read as what, and what of it looks wrong.

Called by run selection; the notes are printed when a run begins, and stand in `run.json` and in the report.
"""

from __future__ import annotations

import numpy as np

from bench.error_messages import short
from bench.workloads.data_sets import Data, File, make_generator
from bench.workloads.limits import Array

SHOWN_NAMES = 12
"""Of features and classes; the rest is counted."""


def data_notes(data: Data, seed: int = 0) -> list[str]:
    """Return a line for each thing to know about the data file of a workload; none for data that are generated."""
    generator = make_generator(data.name, data.parameters)
    if not isinstance(generator, File):
        return []
    loaded = generator.load()
    _, y = generator.draw(seed)
    what = "feature" if len(loaded.features) == 1 else "features"
    notes = [f"{generator.path}: {len(y):,} rows, {len(loaded.features)} {what}: {_listed(loaded.features)}"]
    if np.issubdtype(y.dtype, np.floating):
        notes.append(f"the target {short(generator.target)} is read as a quantity, {y.min():g} to {y.max():g}")
    else:
        notes += _class_notes(generator.target, y, _test_rows(data, len(y), seed))
    numbers = [name for name, column in zip(loaded.features, loaded.x.T, strict=True) if _counts_rows(column)]
    notes += [f"the feature {short(name)} is the number of the row: leave it out with  features = [...]" for name in numbers]
    return notes


def _class_notes(target: str, y: Array, test_rows: Array) -> list[str]:
    classes, counts = np.unique(y, return_counts=True)
    largest = int(counts.argmax())
    notes = [
        f"the target {short(target)} is read as {len(classes)} classes: {_listed([str(name) for name in classes])}; "
        f"the largest class, {short(classes[largest].item())}, has {counts[largest] / len(y):.1%} of the rows"
    ]
    tested = np.isin(np.arange(len(y)), test_rows)
    for rows, name in ((y[tested], "test"), (y[~tested], "training")):
        absent = [str(word) for word in np.setdiff1d(classes, rows)]
        if absent:
            notes.append(f"the {name} rows of the first seed have no row of class {_listed(absent)}")
    return notes


def _test_rows(data: Data, rows: int, seed: int) -> Array:
    from sklearn.model_selection import train_test_split

    split_seed = seed if data.split_seed is None else data.split_seed
    return np.asarray(train_test_split(np.arange(rows), test_size=data.test_size, random_state=split_seed)[1])


def _counts_rows(column: Array) -> bool:
    """Whether a column is 0, 1, 2, ... or 1, 2, 3, ...; of few rows, that can be chance."""
    return len(column) >= 10 and column[0] in (0, 1) and bool((np.diff(column) == 1).all())


def _listed(names: tuple[str, ...] | list[str]) -> str:
    shown = ", ".join(short(name)[1:-1] for name in names[:SHOWN_NAMES])
    return shown if len(names) <= SHOWN_NAMES else f"{shown} and {len(names) - SHOWN_NAMES} more"
