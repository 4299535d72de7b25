"""What a user should see before a training on a file of his own: what was read as what, and what of it looks wrong.

Called by run selection; the notes are printed when a run begins, and stand in `run.json` and in the report.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from bench.error_messages import short
from bench.workloads.data_sets import Data, File, make_generator
from bench.workloads.limits import Array
from bench.workloads.tables import has_numbers

SHOWN_NAMES = 12
"""Of features and classes; the rest is counted."""
FEWEST_ROWS = 10
SAME_QUANTITY = 1 - 1e-7
"""A correlation: that of one quantity in two units, rounded."""


def data_notes(data: Data, seed: int = 0) -> list[str]:
    """Return a line for each thing to know about the data file of a workload; none for data that are generated."""
    generator = make_generator(data.name, data.parameters)
    if not isinstance(generator, File):
        return []
    loaded = generator.load()
    y = _classes_of_one_hot(generator.draw(seed)[1])
    what = "feature" if len(loaded.features) == 1 else "features"
    notes = [f"{generator.path}: {len(y):,} rows, {len(loaded.features)} {what}: {_listed(loaded.features)}"]
    if np.issubdtype(y.dtype, np.floating):
        notes.append(f"the target {short(generator.target)} is read as a quantity, {y.min():g} to {y.max():g}")
    else:
        notes += _class_notes(generator.target, y, _test_rows(data, len(y), seed))
    for name, column in zip(loaded.features, loaded.x.T, strict=True):
        if (why := _why_left_out(column, y)) is not None:
            notes.append(f"the feature {short(name)} {why}: leave it out with  features = [...]")
    if Path(generator.path).suffix.lower() == ".csv" and has_numbers([*loaded.features, generator.target]):
        notes.append("the names of the features are numbers: is the first line of the file a row of data?")
    return notes


def _classes_of_one_hot(y: Array) -> Array:
    """Return the number of each row's class where labels are one-hot, and other labels as they are."""
    is_one_hot = y.ndim == 2 and y.shape[1] > 1 and bool(((y == 0) | (y == 1)).all() and (y.sum(axis=1) == 1).all())
    return y.argmax(axis=1) if is_one_hot else y


def _why_left_out(column: Array, y: Array) -> str | None:
    """Return in words what is wrong with a feature; None if nothing seems to be. Of few rows, all can be chance."""
    if len(column) < FEWEST_ROWS:
        return None
    if column.min() == column.max():
        return f"is {column[0]:g} in every row"
    if _counts_rows(column):
        return "is the number of the row"
    return "tells the target by itself, as the target under another name does" if _tells_target(column, y) else None


def _class_notes(target: str, y: Array, test_rows: Array) -> list[str]:
    classes, counts = np.unique(y, return_counts=True)
    largest = int(counts.argmax())
    notes = [
        f"the target {short(target)} is read as {len(classes)} classes: {_listed([str(name) for name in classes])}; "
        f"the largest class, {short(classes[largest].item())}, has {counts[largest] / len(y):.1%} of the rows"
    ]
    alike = Counter(str(name).strip().casefold() for name in classes)
    if twins := [str(name) for name in classes if alike[str(name).strip().casefold()] > 1]:
        notes.append(f"the classes {', '.join(map(short, twins[:SHOWN_NAMES]))} differ by case or blanks alone")
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
    """Whether a column has whole numbers that are evenly apart, each once, in whatever order."""
    steps = np.diff(np.sort(column))
    return bool((steps == steps[0]).all() and steps[0] >= 1 and (column == np.rint(column)).all())


def _tells_target(column: Array, y: Array) -> bool:
    """Whether a feature has one value for each class, or is a multiple of a quantity."""
    if not np.issubdtype(y.dtype, np.floating):
        classes, codes = np.unique(y, return_inverse=True)
        if len(classes) > len(y) / 2:
            return False
        order = np.argsort(codes, kind="stable")
        starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
        return bool((np.minimum.reduceat(column[order], starts) == np.maximum.reduceat(column[order], starts)).all())
    if y.ndim > 1 and y.shape[1] > 1:
        return False
    with np.errstate(all="ignore"):
        return bool(abs(np.corrcoef(column, y.ravel())[0, 1]) > SAME_QUANTITY)


def _listed(names: tuple[str, ...] | list[str]) -> str:
    shown = ", ".join(short(name)[1:-1] for name in names[:SHOWN_NAMES])
    return shown if len(names) <= SHOWN_NAMES else f"{shown} and {len(names) - SHOWN_NAMES} more"
