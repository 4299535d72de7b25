"""Validation: arguments checked, and converted to what the network computes with.

Called by `Sequential` before anything else is done. An error is one line that names the argument, what it was and what it may be.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from numbers import Real
from typing import Any, NamedTuple

import numpy as np

from numpy_nn._engine.arrays import Array
from numpy_nn.checks import shown

DTYPES = ("float32", "float64")


class Rows(NamedTuple):
    """Checked samples: `x` (n, features), `y` (n, outputs), `weights` (n,) or None, of the network's dtype."""

    x: Array
    y: Array
    weights: Array | None = None

    def take(self, rows: slice | Array) -> Rows:
        return Rows(self.x[rows], self.y[rows], None if self.weights is None else self.weights[rows])


def dtype(value: object) -> np.dtype[Any]:
    """float32 or float64, by name or as NumPy's own."""
    if isinstance(value, (str, type, np.dtype)):
        for name in DTYPES:
            if value == np.dtype(name):
                return np.dtype(name)
    raise ValueError(f"dtype was {shown(value)}: it may be one of {', '.join(DTYPES)}")


def positive_integer(name: str, value: object) -> int:
    """`value`, an integer of at least 1."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"{name} was {shown(value)}: it must be a positive integer")
    return int(value)


def count(name: str, value: object) -> int:
    """`value`, an integer of at least 0."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0:
        raise ValueError(f"{name} was {shown(value)}: it must be an integer of at least 0")
    return int(value)


def flag(name: str, value: object) -> bool:
    """`value`, True or False, or 1 or 0."""
    if not isinstance(value, (bool, int, np.bool_)) or value not in (0, 1):
        raise ValueError(f"{name} was {shown(value)}: it must be True or False")
    return bool(value)


def optional_size(name: str, value: object) -> int | None:
    """`value`, an integer of at least 1, or None."""
    return None if value is None else positive_integer(name, value)


def frequency(name: str, value: int | Container[int]) -> Callable[[int], bool]:
    """Whether an epoch, counted from 1, is one of every `value`, or among those in `value`."""
    if isinstance(value, Container) and not isinstance(value, str):
        return lambda epoch: epoch in value
    every = positive_integer(name, value)
    return lambda epoch: epoch % every == 0


def seed(value: object) -> int | None:
    """`value`, an integer of at least 0, or None."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0:
        raise ValueError(f"seed was {shown(value)}: it must be an integer of at least 0, or None")
    return int(value)


def numbers(name: str, value: Any) -> Array:
    """`value` as an array of numbers, none of which is masked, NaN or infinite."""
    if type(value) is not np.ndarray:
        _check_kind(name, value)
    try:
        array = np.asarray(value)
    except ValueError:
        raise ValueError(f"{name} was a ragged sequence: its rows must be of one length") from None
    if array.dtype.kind in "US":
        raise ValueError(
            f"{name} was of dtype {array.dtype}: it must be real numbers; numpy_nn.estimators.MLPClassifier takes any labels"
        )
    if array.dtype.kind == "O":
        raise ValueError(_first_object(name, array))
    if array.dtype.kind not in "buif":
        raise ValueError(f"{name} was of dtype {array.dtype}: it must be real numbers")
    if array.size == 0:
        raise ValueError(f"{name} was empty, of shape {array.shape}: there must be at least one sample")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        bad = array[~np.isfinite(array)][0]
        where = [int(place) for place in np.argwhere(~np.isfinite(array))[0]]
        raise ValueError(f"{name}{where or ''} was {bad}: all values must be finite")
    return array


def _first_object(name: str, array: Array) -> str:
    """Why an array of objects is refused: the first of them that is no number."""
    places = (place for place, value in np.ndenumerate(array) if not isinstance(value, Real))
    place = next(places, None)
    if place is None:
        return f"{name} was of dtype object: it must be real numbers, type {name}.astype(float)"
    where = f"[{', '.join(map(str, place))}]" if place else ""
    text = " ".join(repr(array[place]).split())
    return f"{name}{where} was {text:.80}: all values must be real numbers"


def _check_kind(name: str, value: Any) -> None:
    """Refuse what isn't an array, or would lose something as one, with what to type."""
    if value is None or isinstance(value, (Mapping, set, frozenset)):
        what = "None" if value is None else f"a {type(value).__name__}"
        raise ValueError(f"{name} was {what}: it must be an array of numbers")
    if isinstance(value, Iterator) or _is_dataset(value):
        raise ValueError(
            f"{name} was a {type(value).__name__}: it must be an array; train on batches as they come by train_on_batch(x, y)"
        )
    if _is_masked(value):
        raise ValueError(f"{name} was a masked array: the mask would be lost, fill its values in (`filled`) or leave its rows out")
    if hasattr(value, "toarray"):
        raise ValueError(f"{name} was a sparse {type(value).__name__}: type {name}.toarray(); numpy_nn.estimators take it as it is")


def _is_dataset(value: Any) -> bool:
    """Whether it is a data set of TensorFlow, Keras or PyTorch, which hands out batches or rows of x and y."""
    names = {cls.__name__ for cls in type(value).__mro__}
    return not names.isdisjoint({"DatasetV2", "PyDataset", "DataLoader", "IterableDataset"})


def _is_masked(value: Any) -> bool:
    parts = value if isinstance(value, (list, tuple)) else [value]
    return any(isinstance(part, np.ma.MaskedArray) and np.ma.is_masked(part) for part in parts)


def features(name: str, value: Any, count: int, to: np.dtype[Any]) -> Array:
    """`value` as (samples, `count`)."""
    array = numbers(name, value)
    if array.ndim != 2 or array.shape[1] != count:
        raise ValueError(f"{name} had the shape {array.shape}: it must be (samples, {count})")
    return cast(name, array, to)


def sample_weights(value: Any, samples: int, to: np.dtype[Any]) -> Array:
    """`value`, (samples,) or (samples, 1), as (samples,), none negative."""
    array = numbers("sample_weight", value)
    if array.shape == (samples, 1):
        array = array[:, 0]
    if array.shape != (samples,):
        raise ValueError(f"sample_weight had the shape {array.shape}: it must be ({samples},)")
    if (array < 0).any():
        raise ValueError(f"sample_weight had {array.min()}: no weight may be negative")
    return cast("sample_weight", array, to)


def class_weights(value: Any, labels: Array) -> Array:
    """A weight for each row, (samples,), from a dict of one for each class; 1 for a class that it lacks, as in Keras.

    The class of a row of `labels` is its number, or the column of its largest value.
    """
    if not isinstance(value, Mapping):
        raise ValueError(f"class_weight was {shown(value)}: it must be a dict, as {{0: 1.0, 1: 2.5}}")
    by_class: dict[int, Any] = {}
    for key, weight in value.items():
        try:
            number = int(key)  # as Keras takes "1" too
            if number != float(key):
                raise ValueError
            by_class[number] = weight
        except (TypeError, ValueError):
            raise ValueError(f"class_weight had the class {key!r}: a class is its number, as in {{0: 1.0, 1: 2.5}}") from None
    for weight in value.values():
        if isinstance(weight, bool) or not isinstance(weight, (int, float, np.number)) or not 0 <= weight < np.inf:
            raise ValueError(f"class_weight had {weight!r}: a weight must be a finite number of at least 0")
    columns = labels.reshape(len(labels), -1)
    classes = columns.argmax(axis=1) if columns.shape[1] > 1 else np.round(columns[:, 0]).astype(np.intp)
    found, places = np.unique(classes, return_inverse=True)
    return np.array([float(by_class.get(int(number), 1.0)) for number in found])[places]


def split(value: object) -> float:
    """`value`, a fraction of at least 0 and below 1."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not 0 <= value < 1:
        raise ValueError(f"validation_split was {shown(value)}: it must be at least 0 and below 1")
    return float(value)


def cast(name: str, array: Array, to: np.dtype[Any]) -> Array:
    """`array` as an array of the dtype `to`, contiguous."""
    if array.dtype == to:
        return np.ascontiguousarray(array)
    with np.errstate(all="ignore"):
        result = np.ascontiguousarray(array, to)
    if result.dtype != array.dtype and not np.isfinite(result).all():
        raise ValueError(f"{name} had a value too large for {to}: the largest is {np.finfo(to).max}")
    return result
