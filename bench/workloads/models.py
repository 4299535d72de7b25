"""What is trained: data, split, architecture, optimiser, epochs, batch, precision; the built-in ones and your own from TOML.

Called by the command line (which workloads), the runner (one task for each contestant and seed) and the report (what it says of
them). What a workload's keys say of one another is left to `bench.workloads.validation`; `examples/spirals.toml` has every key.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PositiveFloat, PositiveInt, ValidationError

from bench.error_messages import may_be, one_line
from bench.records import TrialKind
from bench.records.validation_errors import first_mistake
from bench.workloads.data_sets import SEED_LIMIT
from bench.workloads.validation import REFERENCE, check

ARTICLE_ARCHITECTURE: list[dict[str, Any]] = [
    {"input_dim": 2, "output_dim": 25, "activation": "relu"},
    {"input_dim": 25, "output_dim": 50, "activation": "relu"},
    {"input_dim": 50, "output_dim": 50, "activation": "relu"},
    {"input_dim": 50, "output_dim": 25, "activation": "relu"},
    {"input_dim": 25, "output_dim": 1, "activation": "sigmoid"},
]

__all__ = ["REFERENCE", "WORKLOADS", "Data", "Training", "Workload", "WorkloadError", "find_workload", "load_workload"]

QUICK_SEEDS = QUICK_ROUNDS = 2
QUICK_LAUNCHES = 1
QUICK_EPOCHS = 30
QUICK_FULL_BATCH_EPOCHS = 500


class WorkloadError(ValueError):
    """A workload that there isn't, or that can't be trained as it is described; one line, with the file and the key."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def _full_is_none(value: object) -> object:
    """A TOML file has no null, so it says "full"."""
    if isinstance(value, str) and value != "full":
        raise ValueError("it must be a positive integer, or 'full'")
    return None if value == "full" else value


Seed = Annotated[int, Field(ge=0, le=SEED_LIMIT)]
BatchSize = Annotated[PositiveInt | None, BeforeValidator(_full_is_none)]
Target = Annotated[float, Field(gt=0, le=1)]


class Data(_Model):
    """Where samples come from: one of `bench.workloads.data_sets.GENERATORS` by name, with its parameters."""

    name: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    test_size: float = Field(default=0.1, gt=0, lt=1)
    sample_seed: Seed | None = None
    split_seed: Seed | None = None


class Training(_Model):
    """How it is trained. A contestant with settings of its own (`Workload.settings`) has another one of these."""

    optimizer: dict[str, Any] = Field(default_factory=lambda: {"name": "sgd", "learning_rate": 0.01})
    loss: str = "binary_crossentropy"
    epochs: PositiveInt = 200
    batch_size: BatchSize = 32
    """Rows a step; None, or "full", is all of them. More than there are is all of them too."""
    dtype: Literal["float32", "float64"] = "float32"
    initializer: str = "glorot_uniform"
    shuffle: bool = False
    """False: the rows are permuted once, from the seed, and every epoch sees the same batches."""


class Workload(_Model):
    """One thing to train, and how much of it is measured."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=60)
    """Letters, digits, dots, hyphens and underscores: it stands in file names."""
    summary: str
    data: Data
    architecture: list[dict[str, Any]]
    training: Training
    settings: dict[str, Training] = Field(default_factory=dict)
    """A contestant's own training, where the workload isn't the same for all (`article`)."""
    contestants: list[str] | None = None
    """Who trains it unless the command line says otherwise; None: everyone."""
    weights_seed: Seed | None = None
    """Stands in for the trial's seed where the article names its own (2)."""
    scored_seeds: int = Field(default=0, ge=0)
    """Seeds 0 … n−1 are trained once more with the test set scored after every epoch."""
    peer_scored_seeds: int = Field(default=0, ge=0)
    """The same for peers, which are here for their speed."""
    rounds: int = Field(default=0, ge=0)
    """Timed rounds; round r trains seed r."""
    launches: PositiveInt = 2
    """Worker processes over which the rounds are spread."""
    parity: bool = False
    """One trial (seed 0) in which the weights are compared with the reference's after every epoch."""
    prediction_rows: list[PositiveInt] = Field(default_factory=list)
    """Latency of prediction is measured for these counts of rows."""
    targets: list[Target] = Field(default_factory=list)
    """Test accuracies whose time is asked for."""
    grid: dict[str, list[PositiveInt]] = Field(default_factory=dict)
    """A scaling study: `width`, `batch`, `layers`; the architecture and batch size of each cell are made from it."""
    time_limit_seconds: PositiveFloat = 600
    """For one trial."""

    def training_of(self, contestant: str) -> Training:
        return self.settings.get(contestant, self.training)

    def kinds_of(self, *, peer: bool) -> list[TrialKind]:
        """Which kinds of trial this workload asks of a contestant."""
        asked: list[tuple[TrialKind, bool]] = [
            ("parity", self.parity),
            ("scored", (self.peer_scored_seeds if peer else self.scored_seeds) > 0),
            ("timed", self.rounds > 0),
            ("predict", bool(self.prediction_rows)),
        ]
        return [kind for kind, wanted in asked if wanted]

    def quick(self) -> Workload:
        """The smaller version for `--quick`: enough to see that everything works, too little to quote.

        At most 2 scored seeds, 2 rounds of one launch and 30 epochs (500 where the batch is full), prediction of one number of
        rows, and the smallest two values of each of a grid's axes. `python -m bench run --quick`, with nothing installed
        beyond the dependencies, took 119 s on two cores, nearly all of it the imports and steps of Keras and TensorFlow.
        """
        return self.model_copy(
            update={
                "training": _quick_training(self.training),
                "settings": {name: _quick_training(training) for name, training in self.settings.items()},
                "scored_seeds": min(self.scored_seeds, QUICK_SEEDS),
                "peer_scored_seeds": min(self.peer_scored_seeds, 1),
                "rounds": min(self.rounds, QUICK_ROUNDS),
                "launches": min(self.launches, QUICK_LAUNCHES),
                "prediction_rows": self.prediction_rows[:1],
                "grid": {axis: sorted(values)[:2] for axis, values in self.grid.items()},
            }
        )


def _quick_training(training: Training) -> Training:
    most = QUICK_FULL_BATCH_EPOCHS if training.batch_size is None else QUICK_EPOCHS
    return training.model_copy(update={"epochs": min(training.epochs, most)})


_ARTICLE_NUMPY = Training(batch_size=None, epochs=10_000, dtype="float64", initializer="article")

_SCALING: dict[str, Any] = {
    "data": Data(name="moons", parameters={"n_samples": 16_800, "noise": 0.2}, test_size=0.02),
    "architecture": ARTICLE_ARCHITECTURE,
    "training": Training(epochs=24),
    # Likely the fastest first (`schedule`). Keras' other settings and backends are far from the first everywhere in `moons`,
    # and tuning them cell by cell takes hours.
    "contestants": ["numpy_nn", "jax", "tensorflow", "torch", "torch-compile", "sklearn", "keras", "floor"],
    "rounds": 12,  # at the most: a cell that is steady has fewer (`bench.execution.scaling_cutoff`)
    "launches": 1,
    "time_limit_seconds": 60,
}

WORKLOADS: dict[str, Workload] = {
    workload.name: workload
    for workload in (
        Workload(
            name="moons",
            summary="the identical comparison: the same weights, batches, steps and precision for all",
            data=Data(name="moons", parameters={"n_samples": 1000, "noise": 0.2}),
            architecture=ARTICLE_ARCHITECTURE,
            training=Training(),
            scored_seeds=10,
            peer_scored_seeds=1,
            rounds=4,
            launches=4,
            prediction_rows=[1, 1000],
            targets=[0.95, 0.97],
        ),
        Workload(
            name="full-batch",
            summary="all rows in each batch: an epoch is a step; without Keras, whose cost of an epoch would be all there is",
            data=Data(name="moons", parameters={"n_samples": 1000, "noise": 0.2}),
            architecture=ARTICLE_ARCHITECTURE,
            training=Training(batch_size=None, epochs=500),
            contestants=["numpy_nn", "tensorflow", "jax", "torch", "torch-compile", "sklearn", "floor"],
            rounds=4,
            launches=4,
        ),
        Workload(
            name="parity",
            summary="the article's own data and split, the same weights and batches in float64",
            data=Data(name="moons", parameters={"n_samples": 1000, "noise": 0.2}, sample_seed=100, split_seed=42),
            architecture=ARTICLE_ARCHITECTURE,
            training=Training(dtype="float64"),
            parity=True,
        ),
        Workload(
            name="article",
            summary="each side as the article ran it: other weights, batches, steps and precision",
            data=Data(name="moons", parameters={"n_samples": 1000, "noise": 0.2}, sample_seed=100, split_seed=42),
            architecture=ARTICLE_ARCHITECTURE,
            training=_ARTICLE_NUMPY,
            settings={name: Training(shuffle=True) for name in ("keras", "keras-tuned", "keras-jax", "keras-torch")},
            contestants=["article", "numpy_nn", "keras"],
            weights_seed=2,
            rounds=3,
            launches=3,
        ),
        Workload(
            name="scaling",
            summary="who wins at which width and batch: four layers, one thread and two; who is far behind is left out",
            grid={"threads": [1, 2], "layers": [4], "width": [8, 32, 128, 512, 1024], "batch": [1, 8, 32, 128, 1024, 4096]},
            **_SCALING,
        ),
        Workload(
            name="depth",
            summary="the same for two to eight layers; who is far behind is left out",
            grid={"layers": [2, 4, 8], "width": [32, 256], "batch": [32, 1024]},
            **_SCALING,
        ),
    )
}


def find_workload(text: str) -> Workload:
    """The workload that the command line names: a built-in one, or a TOML file.

    Raises
    ------
    WorkloadError
        If there is none of that name, or the file is wrong.

    """
    if text in WORKLOADS:
        return WORKLOADS[text]
    if text.endswith(".toml"):
        return load_workload(text)
    raise WorkloadError(f"workload {text!r} is unknown: {may_be(text, WORKLOADS)}, or your own as FILE.toml")


def load_workload(path: str | Path) -> Workload:
    """The workload that a TOML file describes, checked through and through; its data are drawn once to do so.

    Paths in the file are seen from the file's own folder. What a table of `settings` leaves out is as in `training`.

    Raises
    ------
    WorkloadError
        One line with the file and the key, or the line where it is no TOML: the first mistake that there is.

    """
    path = Path(path).expanduser()
    raw = _from_folder(_read_toml(path), path.resolve().parent)
    try:
        workload = Workload.model_validate({"name": path.stem, "summary": f"your own, from {path.name}", **raw})
        if workload.name in WORKLOADS:
            raise WorkloadError(f"{path}: name is {workload.name!r}: that is a built-in workload's, so yours needs another")
        check(workload)
    except ValidationError as error:
        raise WorkloadError(f"{path}: {first_mistake(error, Workload)}") from None
    except WorkloadError:
        raise
    except ValueError as error:
        raise WorkloadError(f"{path}: {one_line(error)}") from error
    return workload


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WorkloadError(f"workload {str(path)!r}: there is no such file") from None
    except tomllib.TOMLDecodeError as error:  # says the line and the column
        raise WorkloadError(f"{path} is no TOML: {one_line(error)}") from None
    except UnicodeDecodeError as error:
        raise WorkloadError(f"{path} is no TOML: byte {error.start} is not UTF-8") from None
    except OSError as error:
        raise WorkloadError(f"{path} can't be read: {error.strerror}") from error


def _from_folder(raw: dict[str, Any], folder: Path) -> dict[str, Any]:
    """`raw` with its files' paths made absolute, and its `settings` filled up from `training`; what is of a wrong type stays so."""
    filled = dict(raw)
    match raw:
        case {"data": {"parameters": {"path": str(file)}}}:
            parameters = {**raw["data"]["parameters"], "path": str(folder / Path(file).expanduser())}
            filled["data"] = {**raw["data"], "parameters": parameters}
    match raw:
        case {"contestants": list(names)}:
            filled["contestants"] = [_contestant_from(name, folder) for name in names]
    match raw:
        case {"settings": dict(settings), "training": dict(training)}:
            filled["settings"] = {
                name: {**training, **changes} if isinstance(changes, dict) else changes for name, changes in settings.items()
            }
    return filled


def _contestant_from(name: object, folder: Path) -> object:
    """A contestant's name; of one in a file, with the file's absolute path."""
    if not isinstance(name, str):
        return name
    place, colon, class_name = name.rpartition(":")
    return f"{folder / Path(place).expanduser()}:{class_name}" if colon and place.endswith(".py") else name
