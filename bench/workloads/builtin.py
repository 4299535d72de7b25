"""The built-in workloads by name, and the quick version of any workload.

Called by run selection, the command line and the self-checks. The scaling studies (`bench.workloads.grid`) and the study
(`bench.workloads.study`) are grids.
"""

from __future__ import annotations

from typing import Any

from bench.records.workload_records import GridValue, sorted_values
from bench.workloads.data_sets import Data
from bench.workloads.models import Training, Workload

QUICK_WORKLOADS = ("moons", "parity")
"""The headline, and that both sides are one computation; without the short trainings of other parts, which take seven seconds."""
QUICK_CONTESTANTS = ("numpy_nn", "keras", "keras-tuned", "floor")
"""Of a workload that leaves it open."""
QUICK_SEEDS, QUICK_STUDY_SEEDS = 1, 2
QUICK_ROUNDS = QUICK_LAUNCHES = 1
QUICK_EPOCHS = 30
QUICK_FULL_BATCH_EPOCHS = 500
QUICK_GRID_VALUES = 2
"""Of each axis, the smallest."""
QUICK_CELLS = 8
"""Of a study, at most: later axes keep one value."""

ARTICLE_ARCHITECTURE: list[dict[str, Any]] = [
    {"input_dim": 2, "output_dim": 25, "activation": "relu"},
    {"input_dim": 25, "output_dim": 50, "activation": "relu"},
    {"input_dim": 50, "output_dim": 50, "activation": "relu"},
    {"input_dim": 50, "output_dim": 25, "activation": "relu"},
    {"input_dim": 25, "output_dim": 1, "activation": "sigmoid"},
]

_ARTICLE_NUMPY = Training(batch_size=None, epochs=10_000, dtype="float64", initializer="article")

_SCALING: dict[str, Any] = {
    "data": Data(name="moons", parameters={"n_samples": 16_800, "noise": 0.2}, test_size=0.02),
    "architecture": ARTICLE_ARCHITECTURE,
    "training": Training(epochs=24),
    # Likely the fastest first (`bench.execution.schedule`). Keras' other settings and backends are far from the fastest in `moons`,
    # and tuning them in each cell takes hours.
    "contestants": ["numpy_nn", "jax", "tensorflow", "torch", "torch-compile", "sklearn", "keras", "floor"],
    "rounds": 12,  # at most: a steady cell has fewer (`bench.execution.skip_rules`)
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
            rounds=1,
            launches=3,
            prediction_rows=[1, 1000],
            targets=[0.95, 0.97],
        ),
        Workload(
            name="full-batch",
            summary="all rows in each batch: an epoch is a step; without Keras, whose fixed cost of an epoch would hide the step",
            data=Data(name="moons", parameters={"n_samples": 1000, "noise": 0.2}),
            architecture=ARTICLE_ARCHITECTURE,
            training=Training(batch_size=None, epochs=500),
            contestants=["numpy_nn", "tensorflow", "jax", "torch", "torch-compile", "sklearn", "floor"],
            rounds=1,
            launches=2,
        ),
        Workload(
            name="parity",
            summary="the article's own data and split, the same weights and batches in float64",
            data=Data(name="moons", parameters={"n_samples": 1000, "noise": 0.2}, sample_seed=100, split_seed=42),
            architecture=ARTICLE_ARCHITECTURE,
            training=Training(dtype="float64"),
            parity=True,
            parts=True,
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
            rounds=1,
            launches=3,
        ),
        Workload(
            name="scaling",
            summary="the fastest at each width and batch: four layers, one thread and two; contestants far behind are skipped",
            grid={"threads": [1, 2], "layers": [4], "width": [8, 32, 128, 512, 1024], "batch": [1, 8, 32, 128, 1024, 4096]},
            **_SCALING,
        ),
        Workload(
            name="depth",
            summary="the same for two to eight layers; contestants far behind are skipped",
            grid={"layers": [2, 4, 8], "width": [32, 256], "batch": [32, 1024]},
            **_SCALING,
        ),
        Workload(
            name="study",
            summary="who learns, how fast, and where the two differ: every noise, network, learning rate and initializer",
            data=Data(name="moons", parameters={"n_samples": 1000, "noise": 0.2}),
            architecture=ARTICLE_ARCHITECTURE,
            training=Training(epochs=100),
            contestants=["numpy_nn", "keras"],
            scored_seeds=30,
            targets=[0.9],
            grid={
                "width": [4, 8, 32],
                "depth": [1, 2, 4],
                "initializer": ["article", "glorot_uniform"],
                "learning_rate": [0.03, 0.3],
                "noise": [0.1, 0.3],
            },
        ),
    )
}


def quick_version(workload: Workload) -> Workload:
    """Return the smaller version for `--quick`: enough to see that everything works, too little to quote.

    It has at most one scored seed (a study two), one round in one launch and 30 epochs (500 where the batch is full), predicts only
    where it does nothing else, keeps the smallest two values of each axis of a grid (of a study `QUICK_CELLS` cells), and tunes
    no contestant.
    """
    return workload.model_copy(
        update={
            "training": _quick_training(workload.training),
            "settings": {name: _quick_training(training) for name, training in workload.settings.items()},
            "scored_seeds": min(workload.scored_seeds, QUICK_STUDY_SEEDS if workload.is_study else QUICK_SEEDS),
            "peer_scored_seeds": min(workload.peer_scored_seeds, 1),
            "rounds": min(workload.rounds, QUICK_ROUNDS),
            "launches": min(workload.launches, QUICK_LAUNCHES),
            "tuned": False,
            "prediction_rows": [] if workload.rounds else workload.prediction_rows[:1],
            "grid": _quick_grid(workload),
        }
    )


def _quick_grid(workload: Workload) -> dict[str, list[GridValue]]:
    grid: dict[str, list[GridValue]] = {}
    cells = 1
    for axis, values in workload.grid.items():
        most = min(QUICK_GRID_VALUES, QUICK_CELLS // cells) if workload.is_study else QUICK_GRID_VALUES
        grid[axis] = sorted_values(values)[:most]
        cells *= len(grid[axis])
    return grid


def _quick_training(training: Training) -> Training:
    most = QUICK_FULL_BATCH_EPOCHS if training.batch_size is None else QUICK_EPOCHS
    return training.model_copy(update={"epochs": min(training.epochs, most)})
