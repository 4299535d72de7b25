"""What is trained: data, split, architecture, optimizer, epochs, batch, precision, and how much of it is measured.

The built-in workloads are in `bench.workloads.builtin`; `bench.workloads.toml_files` reads your own. `bench.workloads.validation`
checks the keys against one another; `examples/spirals.toml` has every key.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from bench.records import TrialKind
from bench.records.workload_records import GridValue, is_study
from bench.workloads.data_sets import Data, Seed

__all__ = ["NAME_RULE", "Data", "Training", "Workload", "is_name"]

NAME_RULE = "a name has letters (a to z), digits, dots, hyphens and underscores, and begins with a letter or digit"
MOST_ROUNDS, MOST_SEEDS = 100_000, 10_000
Rounds = Annotated[int, Field(ge=0, le=MOST_ROUNDS)]
Seeds = Annotated[int, Field(ge=0, le=MOST_SEEDS)]
Size = Annotated[int, Field(gt=0, le=10_000_000)]
"""Of a batch, a layer, or rows of a prediction."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def _full_is_none(value: object) -> object:
    """Read "full" as None, since TOML has no null."""
    if isinstance(value, str) and value != "full":
        raise ValueError("it must be a positive integer, or 'full'")
    return None if value == "full" else value


def is_name(text: str) -> bool:
    """Whether a workload may be called so."""
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", text) is not None


def _check_name(text: str) -> str:
    if not is_name(text):
        raise ValueError(NAME_RULE)
    return text


def _with_activations(architecture: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give layers without an activation the default, since contestants and records read it."""
    return [layer if "dropout" in layer else {"activation": "linear", **layer} for layer in architecture]


def _with_name(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


BatchSize = Annotated[Size | None, BeforeValidator(_full_is_none)]
Target = Annotated[float, Field(gt=0, le=1)]


class Training(_Model):
    """The settings of a training: of all contestants, or of one (`Workload.settings`)."""

    optimizer: Annotated[dict[str, Any], BeforeValidator(_with_name)] = Field(
        default_factory=lambda: {"name": "sgd", "learning_rate": 0.01}
    )
    """Its name and its parameters; a name alone has its defaults."""
    loss: str = "binary_crossentropy"
    epochs: Size = 200
    batch_size: BatchSize = 32
    """Rows of a step; None, or "full", means all rows, as does a number larger than theirs."""
    dtype: Literal["float32", "float64"] = "float32"
    initializer: str = "glorot_uniform"
    shuffle: bool = False
    """False: the rows are permuted once, from the seed, and every epoch sees the same batches."""


class Workload(_Model):
    """What is trained, and which trials of it are run."""

    name: Annotated[str, Field(max_length=60), AfterValidator(_check_name)]
    """It becomes a part of file names."""
    summary: str
    data: Data
    architecture: Annotated[list[dict[str, Any]], AfterValidator(_with_activations)]
    training: Training = Field(default_factory=Training)
    settings: dict[str, Training] = Field(default_factory=dict)
    """A contestant's own training, where contestants train differently (`article`)."""
    contestants: list[str] | None = None
    """The contestants unless the command line names others; None means all."""
    weights_seed: Seed | None = None
    """Draws the first weights in place of the trial's seed (2 in the article)."""
    scored_seeds: Seeds = 0
    """Seeds 0 … n−1 are trained once more, with the test set scored after every epoch."""
    peer_scored_seeds: Seeds = 0
    """The same for peers, whose speed is what is compared."""
    rounds: Rounds = 0
    """Timed rounds; round r trains seed r, in a grid seed 0."""
    launches: Annotated[int, Field(ge=1, le=10_000)] = 2
    """Worker processes over which the rounds are spread."""
    parity: bool = False
    """One trial (seed 0) compares the weights with the reference's after every epoch."""
    parts: bool = False
    """With `parity` and in float64: one trial compares short trainings with every activation, loss and optimiser, too."""
    tuned: bool = True
    """Whether contestants that have settings to choose choose them by measuring, where rounds are timed."""
    prediction_rows: list[Size] = Field(default_factory=list, max_length=100)
    """Numbers of rows for which the latency of prediction is measured."""
    targets: list[Target] = Field(default_factory=list, max_length=100)
    """Test accuracies; the report gives the time to reach each."""
    grid: dict[str, list[GridValue]] = Field(default_factory=dict)
    """Values of each axis, each combination a cell. With timed rounds a scaling study, over `width`, `batch`, `layers` and
    `threads` (`bench.workloads.grid`); with scored seeds and no rounds a study, over any key (`bench.workloads.study`)."""
    film_frames: Annotated[int, Field(ge=0, le=10_000)] = 0
    """After so many epochs of seed 0's scored trial, the decision surfaces of `numpy_nn` and the reference are kept for a film."""
    time_limit_seconds: Annotated[float, Field(gt=0, le=604_800)] = 600
    """Of one trial."""

    def training_of(self, contestant: str) -> Training:
        """The training of a contestant: its own, or the one of all."""
        return self.settings.get(contestant, self.training)

    @property
    def is_study(self) -> bool:
        """Whether it is a grid whose cells are trained from many seeds and never timed."""
        return is_study({"grid": self.grid, "rounds": self.rounds, "scored_seeds": self.scored_seeds})

    def kinds_of(self, *, peer: bool) -> list[TrialKind]:
        """The kinds of trial that this workload has for a contestant."""
        asked: list[tuple[TrialKind, bool]] = [
            ("parity", self.parity),
            ("scored", (self.peer_scored_seeds if peer else self.scored_seeds) > 0),
            ("timed", self.rounds > 0),
            ("predict", bool(self.prediction_rows)),
        ]
        return [kind for kind, wanted in asked if wanted]
