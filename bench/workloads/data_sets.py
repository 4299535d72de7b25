"""Seeded data and splits: from a data set's description to the four arrays that a trial trains and scores on.

Called by the runner, once for each workload and seed, and when a workload is checked; workers get the arrays. Files of data are
read by `bench.workloads.data_files`.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.error_messages import may_be
from bench.records.validation_errors import first_mistake
from bench.workloads.data_files import DataError, load_file

__all__ = ["GENERATORS", "DataError", "Generator", "Split", "load_file", "make_generator", "make_split"]

Array = NDArray[Any]
SEED_LIMIT = 2**32 - 1
"""The largest seed that scikit-learn takes."""
_Rows = Annotated[int, Field(ge=2, le=10_000_000)]
_Noise = Annotated[float, Field(ge=0)]


@dataclass(frozen=True)
class Split:
    """`x` (samples, features), `y` (samples, outputs), float64; the training rows in the order in which they are trained."""

    x: Array
    y: Array
    x_test: Array
    y_test: Array


class Generator(BaseModel):
    """Where samples come from; its fields are the parameters that a workload may set."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    standardize: bool = False
    """Give every feature mean 0 and standard deviation 1, by the figures of the training rows alone."""

    @abstractmethod
    def draw(self, seed: int) -> tuple[Array, Array]:
        """Features (samples, features) and labels: integers or words for classes, floats for a regression."""


class Moons(Generator):
    """Two half circles, one in the other's arms."""

    n_samples: _Rows = 1000
    noise: _Noise = 0.2

    def draw(self, seed: int) -> tuple[Array, Array]:
        from sklearn.datasets import make_moons

        x, y = make_moons(n_samples=self.n_samples, noise=self.noise, random_state=seed)
        return x, y


class Circles(Generator):
    """A circle around another, `factor` times as large."""

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
    centers: Annotated[int, Field(ge=2)] = 3
    n_features: Annotated[int, Field(ge=1)] = 2
    cluster_std: Annotated[float, Field(gt=0)] = 1.0

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
    arms: Annotated[int, Field(ge=2)] = 2
    turns: Annotated[float, Field(gt=0)] = 1.5
    noise: _Noise = 0.02

    def draw(self, seed: int) -> tuple[Array, Array]:
        random = np.random.default_rng(seed)
        arm = np.arange(self.n_samples) % self.arms
        radius = np.sqrt(random.uniform(size=self.n_samples))
        angle = 2 * math.pi * (self.turns * radius + arm / self.arms)
        x = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
        return x + random.normal(scale=self.noise, size=x.shape), arm


class Digits(Generator):
    """1,797 handwritten digits of 8 × 8 pixels, scaled to [0, 1] (scikit-learn's copy of the UCI set); ten classes."""

    def draw(self, seed: int) -> tuple[Array, Array]:  # there is one sample of it
        from sklearn.datasets import load_digits

        x, y = load_digits(return_X_y=True)
        return x / 16, y


class File(Generator):
    """A CSV, Parquet or NPZ file; `target` names the column or array to be learned, `features` those to learn it from."""

    path: Annotated[str, Field(min_length=1)]
    target: Annotated[str, Field(min_length=1)]
    features: Annotated[list[str], Field(min_length=1)] | None = None
    """None: all but the target."""

    def draw(self, seed: int) -> tuple[Array, Array]:  # there is one sample of it
        return load_file(Path(self.path), self.target, self.features)


GENERATORS: dict[str, type[Generator]] = {
    "moons": Moons,
    "circles": Circles,
    "blobs": Blobs,
    "spirals": Spirals,
    "digits": Digits,
    "file": File,
}


def make_generator(name: str, parameters: dict[str, Any]) -> Generator:
    """The data set `name` with its parameters checked, nothing drawn yet.

    Raises
    ------
    DataError
        If there is no such data set, or a parameter isn't what it may be; the message has the workload's key.

    """
    if name not in GENERATORS:
        raise DataError(f"data.name is {name!r}: {may_be(name, GENERATORS)}")
    try:
        return GENERATORS[name].model_validate(parameters)
    except ValidationError as error:
        raise DataError(first_mistake(error, GENERATORS[name], "data.parameters")) from None


def make_split(
    name: str,
    parameters: dict[str, Any],
    *,
    test_size: float,
    seed: int,
    sample_seed: int | None = None,
    split_seed: int | None = None,
) -> Split:
    """The data set `name`, drawn and split from `seed`, its training rows permuted once.

    `sample_seed` and `split_seed` stand in for `seed` where the article names its own (100 and 42).

    Raises
    ------
    DataError
        If there is no such data set, its file can't be read, or what is in it can't be trained on.

    """
    from sklearn.model_selection import train_test_split

    generator = make_generator(name, parameters)
    x, y = generator.draw(seed if sample_seed is None else sample_seed)
    targets = _targets(y)
    try:
        x_train, x_test, y_train, y_test = train_test_split(
            x, targets, test_size=test_size, random_state=seed if split_seed is None else split_seed
        )
    except ValueError:  # of parameters that have been checked, scikit-learn refuses this alone
        raise DataError(f"data.test_size is {test_size}: of {len(x)} rows, that leaves none to train on") from None
    if generator.standardize:
        mean, deviation = x_train.mean(axis=0), x_train.std(axis=0)
        deviation[deviation == 0] = 1  # a constant feature becomes 0, and stays finite
        x_train, x_test = (x_train - mean) / deviation, (x_test - mean) / deviation
    order = np.random.default_rng(seed).permutation(len(x_train))
    return Split(x_train[order], y_train[order], x_test, y_test)


def _targets(y: Array) -> Array:
    """Labels as (samples, outputs): two classes as one column of 0 and 1, more one-hot, floats as they are.

    Raises
    ------
    DataError
        If there is a single class, or a single value.

    """
    if np.issubdtype(y.dtype, np.floating):
        if (y == y[0]).all():
            raise DataError(f"all {len(y)} targets are {y[0].tolist()}: there is nothing to learn")
        return y.reshape(len(y), -1).astype(np.float64)
    classes, codes = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        raise DataError(f"all {len(y)} samples are of the class {classes[0].item()!r}: there must be two classes at least")
    if len(classes) == 2:
        return codes.reshape(-1, 1).astype(np.float64)
    return np.eye(len(classes))[codes]
