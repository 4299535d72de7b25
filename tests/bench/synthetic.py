"""A run that was never made: records of every kind with known figures and seeded noise, for the tests of analysis and report.

What is put in is known (`STEP_SECONDS`, the target's epochs, who fails), so that a test can say what must come out. One contestant
of each fate: measured (`numpy_nn`, `keras`, `keras-tuned`, `jax`, `sklearn`), the floor, prediction only (`onnxruntime`), crashed
(`torch`), not installed (`keras-torch`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from synthetic_figures import (
    BATCH,
    CALL_SECONDS,
    CANARY_SECONDS,
    COLD_SECONDS,
    FLOPS_PER_STEP,
    LEFT_OUT,
    PEAK_FLOPS_PER_SECOND,
    QUIET,
    STARTED_AT,
    STEP_SECONDS,
    TUNED,
    accuracies_of,
    environment_record,
    history_of,
    part_parities,
    point_arrays,
    predictions_of,
    step_seconds_of,
    steps_of,
    surface_arrays,
)

from bench.contestants.registry import CONTESTANTS
from bench.execution.run_selection import contestant_record
from bench.records import (
    ARRAYS_FOLDER,
    Latency,
    Parity,
    Run,
    RunData,
    Trial,
    TrialKind,
    Turn,
    append_trial,
    write_run,
)
from bench.workloads import ARTICLE_ARCHITECTURE, WORKLOADS, Data, Training, Workload


@dataclass(frozen=True)
class Noise:
    """Standard deviations of the logarithm of a time, at each level of the design."""

    launch: float = 0.02
    round: float = 0.05
    """Shared by all contestants of a round: a ratio by round doesn't see it."""
    trial: float = 0.02
    epoch: float = 0.03


@dataclass(frozen=True)
class Slot:
    """Where a timed trial stands in the run, and by how much the logarithm of its time is off there."""

    round: int
    launch: int
    first: bool = False
    """Of its launch: it has the cold start."""
    effect: float = 0.0


def synthetic_run(
    directory: Path = Path(),
    *,
    seed: int = 0,
    rounds: int = 6,
    launches: int = 3,
    scored_seeds: int = 6,
    epochs: int = 30,
    noise: Noise | None = None,
    turns: int = 0,
    write: bool = False,
) -> RunData:
    """A run of moons, parity, article and a small scaling grid; with `write`, its files stand in `directory` too.

    Seed 4 of moons never reaches 97 %; every other seed s reaches 95 % after epoch 8 + s and 97 % after epoch 14 + s (from 0).
    With `turns`, each launch of moons has so many turns of each contestant, in which nothing disturbs.
    """
    workloads = _workloads(rounds, launches, scored_seeds, epochs)
    maker = _Maker(np.random.default_rng(seed), noise or Noise(), directory if write else None)
    trials = [
        *maker.moons(workloads["moons"]),
        *maker.parity(workloads["parity"]),
        *maker.turns(workloads["moons"], turns),
        *maker.article(workloads["article"]),
        *maker.scaling(workloads["scaling"]),
    ]
    run = Run(
        run_id=maker.run_id,
        command=["bench", "run"],
        quick=False,
        seed=seed,
        threads=2,
        workloads=[workload.model_dump(mode="json") for workload in workloads.values()],
        contestants=[
            contestant_record(spec).model_copy(update={"missing": ["torch"] if name == "keras-torch" else []})
            for name, spec in CONTESTANTS.items()
        ],
        environment=environment_record(),
        status="complete",
        stop_reason="all planned rounds are done",
        elapsed_seconds=321.0,
    )
    if write:
        write_run(directory, run)
        for trial in trials:
            append_trial(directory, trial)
    return RunData(directory, run, trials)


def change_trials(data: RunData, change: Any, **selected: Any) -> RunData:
    """`data` with every trial that has the values in `selected` replaced by `change(trial)`, or left out where that is None."""
    trials: list[Trial] = []
    for trial in data.trials:
        hit = all(getattr(trial, name) == value for name, value in selected.items())
        changed = change(trial) if hit else trial
        if changed is not None:
            trials.append(changed)
    return replace(data, trials=trials)


def update(**values: Any) -> Any:
    """A change for `change_trials`: some fields of a trial take other values."""
    return lambda trial: trial.model_copy(update=values)


def _workloads(rounds: int, launches: int, scored_seeds: int, epochs: int) -> dict[str, Workload]:
    moons = WORKLOADS["moons"]
    training = Training(epochs=epochs)
    return {
        "moons": moons.model_copy(
            update={
                "training": training,
                "rounds": rounds,
                "launches": launches,
                "scored_seeds": scored_seeds,
                "peer_scored_seeds": 1,
            }
        ),
        "parity": WORKLOADS["parity"].model_copy(update={"training": Training(epochs=epochs, dtype="float64")}),
        "article": WORKLOADS["article"].model_copy(
            update={
                "training": WORKLOADS["article"].training.model_copy(update={"epochs": 10 * epochs}),
                "settings": {"keras": Training(epochs=epochs, shuffle=True)},
                "rounds": 3,
            }
        ),
        "scaling": Workload(
            name="scaling",
            summary="a step for a grid of widths and batches",
            data=Data(name="moons", parameters={"n_samples": 1000, "noise": 0.2}),
            architecture=ARTICLE_ARCHITECTURE,
            training=Training(epochs=3),
            rounds=2,
            launches=1,
            grid={"width": [8, 64, 512], "batch": [1, 32, 1024], "layers": [2, 5], "threads": [1, 2]},
        ),
    }


@dataclass
class _Maker:
    rng: np.random.Generator
    noise: Noise
    directory: Path | None
    run_id: str = "synthetic"

    def moons(self, workload: Workload) -> list[Trial]:
        trials = [self._trial(workload, "keras-tuned", "tune", details={"options": TUNED})]
        for name in ("keras", "numpy_nn", "keras-tuned", "jax", "sklearn"):
            seeds = workload.peer_scored_seeds if CONTESTANTS[name].peer else workload.scored_seeds
            trials += [self._scored(workload, name, seed) for seed in range(seeds)]
        trials += [trial for name in CALL_SECONDS for trial in self._predict(workload, name)]
        trials.append(self._trial(workload, "torch", "scored", status="failed", error="RuntimeError: no such device"))
        names = ["keras", "numpy_nn", "keras-tuned", "jax", "sklearn", "torch", "floor"]
        return trials + self._rounds(workload, names)

    def parity(self, workload: Workload) -> list[Trial]:
        epochs = workload.training.epochs
        history = history_of(epochs, seed=0)
        trials = []
        for name in ("keras", "numpy_nn", "keras-tuned", "jax"):
            growth = np.linspace(0.2, 1.0, epochs)
            parity = Parity(
                reference="keras",
                loss=(1.1e-16 * growth).tolist(),
                accuracy=[0.0] * epochs,
                weights=(8.9e-16 * growth).tolist(),
                predictions=2.2e-16,
            )
            trials.append(
                self._trial(
                    workload,
                    name,
                    "parity",
                    steps=epochs * steps_of(BATCH),
                    history=history,
                    test_accuracy=0.98,
                    test_loss=0.08,
                    test_predictions=predictions_of(0, 0.0).tolist(),
                    parity=None if name == "keras" else parity,
                )
            )
        return [*trials, self._trial(workload, "keras", "parts"), self._trial(workload, "numpy_nn", "parts", parts=part_parities())]

    def article(self, workload: Workload) -> list[Trial]:
        return self._rounds(workload, ["article", "numpy_nn", "keras"], first_launch=10)

    def turns(self, workload: Workload, count: int) -> list[Trial]:
        trials = []
        for launch, name in product(range(workload.launches if count else 0), STEP_SECONDS):
            if name not in ("torch", "article"):
                effect = self.rng.normal(0, self.noise.launch)
                taken = [self._turn(STEP_SECONDS[name] * steps_of(BATCH), effect) for _ in range(count)]
                steps = sum(len(turn.epoch_seconds) for turn in taken) * steps_of(BATCH)
                trials.append(self._trial(workload, name, "turns", round=launch, launch=1 + launch, turns=taken, steps=steps))
        return trials

    def _turn(self, epoch_seconds: float, effect: float) -> Turn:
        epochs = epoch_seconds * np.exp(self.rng.normal(effect, self.noise.epoch, 5))
        wall = float(epochs.sum()) + 0.01
        return Turn(
            epoch_seconds=epochs.tolist(),
            canary_before_seconds=CANARY_SECONDS,
            canary_after_seconds=CANARY_SECONDS,
            wall_seconds=wall,
            run_seconds=wall - 0.01,
            wait_seconds=0.001 * wall,
            other_cpu_seconds=0.0,
            steal_seconds=0.0,
            suspended_seconds=0.0,
        )

    def scaling(self, workload: Workload) -> list[Trial]:
        """numpy_nn first in small cells, jax in the largest (width 512, batch 1024); keras leaves out width 512 with batch 1024."""
        trials = []
        for values in product(*workload.grid.values()):
            point = dict(zip(workload.grid, values, strict=True))
            size = point["layers"] * point["batch"] * (1e-8 * point["width"] ** 2 / 64 + 1e-8 * point["width"])
            largest = point["width"] == 512 and point["batch"] == 1024
            seconds = {
                "numpy_nn": 20e-6 + size,
                "jax": 30e-6 + (0.8 if largest else 1.2) * size,
                "keras": 2e-3 + size,
                "floor": 8e-6 + 0.7 * size,
            }
            for name, number in product(seconds, range(workload.rounds)):
                slot = Slot(number, launch=20)
                if largest and name == "keras":
                    trials.append(self._failed(workload, name, slot, LEFT_OUT, point))
                else:
                    trials.append(self._timed(workload, name, slot, seconds[name], point))
        return trials

    def _rounds(self, workload: Workload, names: list[str], first_launch: int = 1) -> list[Trial]:
        trials: list[Trial] = []
        for launch in range(workload.launches):
            effects = {name: self.rng.normal(0, self.noise.launch) for name in names}
            mine = [number for number in range(workload.rounds) if number * workload.launches // workload.rounds == launch]
            for number in mine:
                shared = self.rng.normal(0, self.noise.round)
                for name in self.rng.permutation(names).tolist():
                    slot = Slot(number, first_launch + launch, first=number == mine[0], effect=effects[name] + shared)
                    if name == "torch":
                        trials.append(self._failed(workload, name, slot, "the worker died of signal 11", {}))
                    else:
                        trials.append(self._timed(workload, name, slot, step_seconds_of(workload, name), {}))
        return trials

    def _failed(self, workload: Workload, name: str, slot: Slot, error: str, point: dict[str, int]) -> Trial:
        place = {"seed": slot.round, "round": slot.round, "launch": slot.launch, "point": point}
        return self._trial(workload, name, "timed", status="failed", error=error, **place)

    def _timed(self, workload: Workload, name: str, slot: Slot, step: float, point: dict[str, int]) -> Trial:
        training = workload.training_of(name)
        batch = point["batch"] if point else training.batch_size
        steps = steps_of(batch)
        drawn = self.rng.normal(slot.effect + self.rng.normal(0, self.noise.trial), self.noise.epoch, training.epochs)
        epoch_seconds = step * steps * np.exp(drawn)
        epoch_seconds[0] *= 2.0
        cold = COLD_SECONDS.get(name, 5.0) * float(np.exp(slot.effect))
        figures: dict[str, Any] = {"cold_start_seconds": cold} if slot.first else {"build_seconds": 0.1 * cold}
        if name == "floor":
            figures["details"] = {
                "layout": "samples as columns",
                "flops_per_step": FLOPS_PER_STEP,
                "peak_flops_per_second": PEAK_FLOPS_PER_SECOND,
            }
        else:
            figures["history"] = history_of(training.epochs, slot.round, drop=0.01 if name == "sklearn" else 0.0)
            figures |= {"test_accuracy": accuracies_of(training.epochs, slot.round)[-1], "test_loss": 0.08}
        if name == "keras-tuned":
            figures["details"] = TUNED
        return self._trial(
            workload,
            name,
            "timed",
            seed=slot.round,
            round=slot.round,
            launch=slot.launch,
            point=point,
            steps=steps * training.epochs,
            fit_seconds=float(epoch_seconds.sum()) * 1.001,
            epoch_seconds=epoch_seconds.tolist(),
            peak_memory_bytes=45_000_000 if name in ("numpy_nn", "article", "floor") else 600_000_000,
            **figures,
        )

    def _scored(self, workload: Workload, name: str, seed: int) -> Trial:
        epochs = workload.training.epochs
        difference = 0.0 if name == "keras" else 1e-6
        history = history_of(epochs, seed, drop=0.01 if name == "sklearn" else 0.0)
        arrays = None
        if seed == 0 and self.directory is not None:
            arrays = f"{workload.name}-{name}-surface.npz"
            (self.directory / ARRAYS_FOLDER).mkdir(exist_ok=True)
            np.savez(self.directory / ARRAYS_FOLDER / arrays, **surface_arrays())
            np.savez(self.directory / ARRAYS_FOLDER / f"{workload.name}-points.npz", **point_arrays())
        return self._trial(
            workload,
            name,
            "scored",
            seed=seed,
            steps=epochs * steps_of(BATCH),
            history={
                **history,
                "val_loss": [value + 0.01 for value in history["loss"]],
                "val_accuracy": accuracies_of(epochs, seed),
            },
            test_accuracy=accuracies_of(epochs, seed)[-1],
            test_loss=0.08 + 0.001 * seed,
            test_predictions=predictions_of(seed, difference).tolist(),
            arrays=arrays,
        )

    def _predict(self, workload: Workload, name: str) -> list[Trial]:
        """Two rounds in each of two launches; Keras compiled by hand takes a tenth of its own call's time."""
        trials = []
        for number in range(4):
            latencies = []
            for rows in workload.prediction_rows:
                for by_hand in (False, True) if name.startswith("keras") and rows == 1 else (False,):
                    middle = CALL_SECONDS[name] * (1 + rows / 200) * (0.1 if by_hand else 1.0)
                    median = middle * float(np.exp(self.rng.normal(0, 0.01)))
                    tail = float(np.exp(self.rng.normal(0.5, 0.05)))
                    times = {"median_seconds": median, "p99_seconds": tail * median, "minimum_seconds": 0.9 * median}
                    latencies.append(Latency(rows=rows, compiled_by_hand=by_hand, calls=2000, **times))
            details = {"prediction_call": "model(x)", "compiled_prediction_call": "jit(model)"} if name.startswith("keras") else {}
            place = {"round": number, "launch": 1 + number // 2}
            trials.append(self._trial(workload, name, "predict", latencies=latencies, details=details, **place))
        return trials

    def _trial(self, workload: Workload, name: str, kind: TrialKind, **values: Any) -> Trial:
        fields: dict[str, Any] = {"seed": 0, "round": 0, "launch": 0, "status": "ok", "load": QUIET} | values
        return Trial(
            run_id=self.run_id,
            workload=workload.name,
            contestant=name,
            kind=kind,
            dtype=workload.training_of(name).dtype,
            threads=fields.get("point", {}).get("threads", 2),
            started_at=STARTED_AT,
            **fields,
        )
