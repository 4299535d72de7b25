"""Seeded data and splits: from a data set's description to the four arrays that a trial trains and scores on.

Called by the request builder, once for each workload and seed, and by the validation of workloads; workers get the arrays.
`bench.workloads.data_files` reads data files.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from bench.error_messages import may_be, short
from bench.records.validation_errors import first_mistake
from bench.workloads.data_files import LoadedFile, load_columns
from bench.workloads.limits import LARGEST_NOISE, MOST_CLASSES, MOST_COLUMNS, MOST_VALUES, Array, DataError, check_values

__all__ = ["GENERATORS", "Array", "Data", "DataError", "Generator", "Seed", "Split", "make_generator", "make_split", "sample_shape"]

MOST_ROUNDED = 1e-3
"""That the cast to a precision may take from a feature, as a share of what its values span."""
SEED_LIMIT = 2**32 - 1
"""The largest seed that scikit-learn accepts."""
Seed = Annotated[int, Field(ge=0, le=SEED_LIMIT)]
_Rows = Annotated[int, Field(ge=2, le=10_000_000)]
_Noise = Annotated[float, Field(ge=0, le=LARGEST_NOISE), AfterValidator(abs)]  # NumPy draws nothing of a scale of -0.0
_Classes = Annotated[int, Field(ge=2, le=MOST_CLASSES)]


@dataclass(frozen=True)
class Split:
    """Training and test rows, float64; the training rows stand in the order in which they are trained."""

    x: Array
    """(samples, features)"""
    y: Array
    """(samples, outputs)"""
    x_test: Array
    y_test: Array

    @property
    def has_classes(self) -> bool:
        """Whether the targets are classes: 0 and 1, or one-hot."""
        return bool(((self.y == 0) | (self.y == 1)).all())


class Data(BaseModel):
    """The data of a workload: one of `GENERATORS` by name, with its parameters and seeds."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    name: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    test_size: float = Field(default=0.1, gt=0, lt=1)
    sample_seed: Seed | None = None
    """Draws the sample in place of the trial's seed (100 in the article)."""
    split_seed: Seed | None = None
    """Splits the sample in place of the trial's seed (42 in the article)."""


class Generator(BaseModel):
    """A source of samples; its fields are the parameters that a workload may set."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    standardize: bool = False
    """Scale every feature to mean 0 and standard deviation 1, computed from the training rows alone."""

    def place_of(self, feature: int) -> str:
        """Return where a feature comes from, in words, for an error."""
        return f"feature {feature}"

    @abstractmethod
    def draw(self, seed: int) -> tuple[Array, Array]:
        """Return features (samples, features) and labels: integers or words for classes, floats for a regression."""


class Moons(Generator):
    """Two interleaving half circles."""

    n_samples: _Rows = 1000
    noise: _Noise = 0.2

    def draw(self, seed: int) -> tuple[Array, Array]:
        from sklearn.datasets import make_moons

        x, y = make_moons(n_samples=self.n_samples, noise=self.noise, random_state=seed)
        return x, y


class Circles(Generator):
    """Two concentric circles; the inner radius is `factor` times the outer."""

    n_samples: _Rows = 1000
    noise: _Noise = 0.1
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.5

    def draw(self, seed: int) -> tuple[Array, Array]:
        from sklearn.datasets import make_circles

        x, y = make_circles(n_samples=self.n_samples, noise=self.noise, factor=self.factor, random_state=seed)
        return x, y


class Blobs(Generator):
    """Normal clouds around `centers` random points, a class each."""

    n_samples: _Rows = 1000
    centers: _Classes = 3
    n_features: Annotated[int, Field(ge=1, le=MOST_COLUMNS)] = 2
    cluster_std: Annotated[float, Field(gt=0, le=LARGEST_NOISE)] = 1.0

    @model_validator(mode="after")
    def _is_small_enough(self) -> Blobs:
        if self.n_samples * max(self.n_features, self.centers) > MOST_VALUES:
            raise ValueError(f"n_samples times n_features, or times centers, is more than {MOST_VALUES:,}")
        return self

    def draw(self, seed: int) -> tuple[Array, Array]:
        from sklearn.datasets import make_blobs

        x, y = make_blobs(
            n_samples=self.n_samples,
            n_features=self.n_features,
            centers=self.centers,
            cluster_std=self.cluster_std,
            random_state=seed,
        )
        return x, y


class Spirals(Generator):
    """Arms that wind `turns` times around the origin and out to radius 1, a class each, the arms evenly spread around it.

    A point at share t of its arm lies at radius t and angle 2π (turns · t + arm / arms), plus normal noise in both coordinates.
    t is the square root of a uniform draw, so that the points lie as densely outside as inside.
    """

    n_samples: _Rows = 1000
    arms: _Classes = 2
    turns: Annotated[float, Field(gt=0, le=LARGEST_NOISE)] = 1.5
    noise: _Noise = 0.02

    @model_validator(mode="after")
    def _is_small_enough(self) -> Spirals:
        if self.n_samples * self.arms > MOST_VALUES:
            raise ValueError(f"n_samples times arms is more than {MOST_VALUES:,}")
        return self

    def draw(self, seed: int) -> tuple[Array, Array]:
        random = np.random.default_rng(seed)
        arm = np.arange(self.n_samples) % self.arms
        radius = np.sqrt(random.uniform(size=self.n_samples))
        angle = 2 * math.pi * (self.turns * radius + arm / self.arms)
        x = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
        return x + random.normal(scale=self.noise, size=x.shape), arm


class Digits(Generator):
    """1,797 handwritten digits of 8 × 8 pixels, scaled to [0, 1] (scikit-learn's copy of the UCI set); ten classes."""

    def draw(self, seed: int) -> tuple[Array, Array]:  # the seed has no effect
        from sklearn.datasets import load_digits

        x, y = load_digits(return_X_y=True)
        return x / 16, y


class File(Generator):
    """A CSV, Parquet or NPZ file; `target` names the column or array of labels, `features` the inputs."""

    path: Annotated[str, Field(min_length=1)]
    target: Annotated[str, Field(min_length=1)]
    features: Annotated[list[str], Field(min_length=1)] | None = None
    """None: all but the target."""
    separator: Literal[",", ";", "\t", "|"] = ","
    """Between the fields of a CSV file."""
    target_kind: Literal["classes", "quantities"] | None = None
    """None: whole numbers, booleans and words are classes, fractions are quantities."""

    def load(self) -> LoadedFile:
        """Read the file, or return what was read if it is as it was."""
        path = Path(self.path)
        return _loaded(path, self.target, None if self.features is None else tuple(self.features), self.separator, _signature(path))

    def draw(self, seed: int) -> tuple[Array, Array]:  # the seed has no effect
        loaded = self.load()
        return loaded.x, self._labels(loaded.y)

    def place_of(self, feature: int) -> str:
        return f"{self.path}: the feature {short(self.load().features[feature])}"

    def target_hint(self) -> str:
        """Return what else the target may be read as, in words; nothing if `target_kind` says what it is."""
        y = self.load().y
        kind = y.dtype.kind
        if self.target_kind is not None or kind == "U" or y.ndim > 1:
            return ""
        read, other = ("quantities", "classes") if kind == "f" else ("classes", "quantities")
        return (
            f'; the target {self.target!r} is read as {read}: if it has {other}, set  target_kind = "{other}"  in [data.parameters]'
        )

    def _labels(self, y: Array) -> Array:
        """Return the labels, as quantities or classes where `target_kind` says so; and refuse more classes than can be learnt."""
        if self.target_kind == "quantities":
            if y.dtype.kind == "U":
                raise DataError(f"{self.path}: the target {short(self.target)} has words: target_kind may be 'classes' only")
            return y.astype(np.float64)
        if np.issubdtype(y.dtype, np.floating) and self.target_kind is None:
            return y
        if y.ndim > 1:
            raise DataError(f"{self.path}: the target {short(self.target)} has {y.shape[1]} columns: classes must stand in one")
        count = len(np.unique(y))
        if count > MOST_CLASSES:
            what = "words" if y.dtype.kind == "U" else "whole numbers"
            raise DataError(
                f"{self.path}: the target {short(self.target)} has {count:,} different {what}, which are read as classes: "
                f'there may be {MOST_CLASSES:,} classes; for a regression set  target_kind = "quantities"  in [data.parameters]'
            )
        return y.astype(str) if np.issubdtype(y.dtype, np.floating) else y


@lru_cache(maxsize=2)
def _loaded(path: Path, target: str, features: tuple[str, ...] | None, separator: str, _: tuple[int, ...] | None) -> LoadedFile:
    loaded = load_columns(path, target, features, separator)
    for array in (loaded.x, loaded.y):
        array.setflags(write=False)
    return loaded


def _signature(path: Path) -> tuple[int, ...] | None:
    """Return what changes when a file does; None if there is none."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_size, status.st_mtime_ns, status.st_ino


GENERATORS: dict[str, type[Generator]] = {
    "moons": Moons,
    "circles": Circles,
    "blobs": Blobs,
    "spirals": Spirals,
    "digits": Digits,
    "file": File,
}


def make_generator(name: str, parameters: dict[str, Any]) -> Generator:
    """Return the data set `name` with its parameters checked; nothing is drawn yet.

    Raises
    ------
    DataError
        If there is no such data set, or a parameter is invalid; the message names the workload's key.

    """
    if name not in GENERATORS:
        raise DataError(f"data.name is {name!r}: {may_be(name, GENERATORS)}")
    try:
        return GENERATORS[name].model_validate(parameters)
    except ValidationError as error:
        raise DataError(first_mistake(error, GENERATORS[name], "data.parameters")) from None


def sample_shape(data: Data) -> tuple[int, int]:
    """Return the numbers of rows and features of a sample.

    Raises
    ------
    DataError
        As `make_split`.

    """
    x, _ = make_generator(data.name, data.parameters).draw(0)
    return len(x), x.shape[1]


def make_split(data: Data, seed: int) -> Split:
    """Draw and split a workload's data from `seed`, and permute its training rows once.

    Raises
    ------
    DataError
        If there is no such data set, its file can't be read, or its content can't be trained on.

    """
    from sklearn.model_selection import train_test_split

    generator = make_generator(data.name, data.parameters)
    x, y = generator.draw(seed if data.sample_seed is None else data.sample_seed)
    targets = _targets(y)
    try:
        x_train, x_test, y_train, y_test = train_test_split(
            x, targets, test_size=data.test_size, random_state=seed if data.split_seed is None else data.split_seed
        )
    except ValueError:  # the parameters are valid, so only the number of rows can be wrong
        raise DataError(f"data.test_size is {data.test_size}: of {len(x)} rows, that leaves none to train on") from None
    if generator.standardize:
        mean, deviation = _moments(x_train, x, generator)
        x_train, x_test = (x_train - mean) / deviation, (x_test - mean) / deviation
    order = np.random.default_rng(seed).permutation(len(x_train))
    return Split(x_train[order], y_train[order], x_test, y_test)


def _moments(x_train: Array, x: Array, generator: Generator) -> tuple[Array, Array]:
    """Return mean and standard deviation of each feature; those of a constant one make it 0.

    Raises
    ------
    DataError
        If they overflow; the message names the feature, and the row of the whole sample `x` with its largest value.

    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        constant = x_train.max(axis=0) == x_train.min(axis=0)
        mean, deviation = x_train.mean(axis=0), x_train.std(axis=0)
        finite = (
            np.isfinite(mean) & np.isfinite(deviation) & np.isfinite((x - mean) / np.where(constant, 1.0, deviation)).all(axis=0)
        )
    if not finite.all():
        feature = int(np.argmin(finite))
        row = int(np.abs(x[:, feature]).argmax())
        raise DataError(
            f"{generator.place_of(feature)} can't be standardised: its mean or deviation is too large or too small; "
            f"the largest value, {x[row, feature]:g}, is in row {row} (from 0)"
        )
    return np.where(constant, x_train[0], mean), np.where(constant, 1.0, deviation)


def check_precision(data: Data, dtype: str) -> None:
    """Check that the features and targets of a file survive the cast to the precision of a training.

    Raises
    ------
    DataError
        If a value becomes infinite, or loses more than `MOST_ROUNDED`; the message names the feature and the row.

    """
    generator = make_generator(data.name, data.parameters)
    if not isinstance(generator, File):
        return  # the limits of the parameters see to it
    x, y = generator.draw(0)
    target = y.reshape(len(y), -1) if np.issubdtype(y.dtype, np.floating) else np.zeros((len(y), 0))
    for values, is_target in ((target, True), (x, False)):
        if generator.standardize and not is_target:
            continue  # then they are near 0
        with np.errstate(over="ignore", under="ignore"):
            cast = values.astype(dtype)
        for column in range(values.shape[1]):
            place = f"data {data.name!r}: the target" if is_target else generator.place_of(column)
            infinite = ~np.isfinite(cast[:, column])
            if infinite.any():
                row = int(infinite.argmax())
                raise DataError(f"{place} has {values[row, column]:g} in row {row} (from 0), which doesn't fit {dtype}")
            gaps, span = np.abs(cast[:, column].astype(np.float64) - values[:, column]), np.ptp(values[:, column])
            if span > 0 and gaps.max() > MOST_ROUNDED * span:
                row = int(gaps.argmax())
                raise DataError(
                    f"{place} has values that {dtype} can't tell apart ({values[row, column]:.17g} in row {row}): "
                    f'standardize = true in [data.parameters], or dtype = "float64" in [training]'
                )


def _targets(y: Array) -> Array:
    """Return labels as (samples, outputs): two classes as one column of 0 and 1, more classes one-hot, floats unchanged.

    Raises
    ------
    DataError
        If there is only one class, or one value.

    """
    if np.issubdtype(y.dtype, np.floating):
        if (y == y[0]).all():
            raise DataError(f"all {len(y)} targets are {y[0].tolist()}: there is nothing to learn")
        return y.reshape(len(y), -1).astype(np.float64)
    classes, codes = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        raise DataError(f"all {len(y)} samples are of the class {short(classes[0].item())}: there must be two classes at least")
    check_values("data, with a column a class,", len(y), len(classes))
    if len(classes) == 2:
        return codes.reshape(-1, 1).astype(np.float64)
    return np.eye(len(classes))[codes]
