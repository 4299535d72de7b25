"""How often the harness' intervals contain the true ratio: simulated, and with `numpy_nn` against itself in many short runs.

Called by `python -m bench calibrate`. A short run uses all parts of a long one: several launches of separate processes that take
turns in random order, records on disk, and the analysis. Both contestants are the same code, so each ratio's interval should
contain 1 in 95 % of the runs.
"""

from __future__ import annotations

import json
import secrets
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.analysis.statistics import CONFIDENCE, share_interval
from bench.analysis.timing import RatioRow, measurements, ratio_rows
from bench.contestants.registry import CONTESTANTS
from bench.execution import environment
from bench.execution.canary import Canary
from bench.execution.observer import Observer
from bench.execution.runner import Job, Machine, Runner
from bench.execution.turn_rounds import TurnRounds
from bench.execution.worker_process import Launcher
from bench.files import write_all
from bench.records import Run, read_run
from bench.report.markdown_table import markdown_table
from bench.selfcheck.coverage import LAUNCH_SIGMAS, LEAST, MOST, REPEATS, SHAPES, STOPPED_REPEATS, coverage_rows, stopped_coverage
from bench.selfcheck.coverage import LAUNCHES as SIMULATED_LAUNCHES
from bench.selfcheck.coverage import ROUNDS as SIMULATED_ROUNDS
from bench.workloads.builtin import WORKLOADS
from bench.workloads.models import Training

LAUNCHES, ROUNDS, TURNS = 4, 8, 6
TRIAL_EPOCHS = 20
"""Of each run: launches, and in them whole fits of a few epochs and turns."""
OURS, TWIN = "numpy_nn", "numpy_nn again"
MEASURES = ("step", "fit", "first epoch", "cold start")
"""Headline ratios are of the first."""
WANTED = 0.93
"""Least share of the runs; with 100 runs and correct intervals, 93 or more have it with a probability of 87 %."""
FILES = JSON_FILE, MARKDOWN_FILE = "calibration.json", "calibration.md"
JSON_KEYS = ("launches", "rounds", "measures")
"""By which the JSON is known as a calibration's."""


class CalibrationError(RuntimeError):
    """A trial failed, so that its run has no ratio."""


@dataclass
class Calibration:
    """The results of the runs: by measure, the ratio of each run with its interval."""

    environment: dict[str, Any]
    ratios: dict[str, list[tuple[float, float, float]]] = field(default_factory=lambda: {measure: [] for measure in MEASURES})
    seconds: float = 0.0

    def add(self, rows: list[RatioRow]) -> None:
        """Add the ratios of one run."""
        for row in rows:
            if row.contestant == OURS and row.measure in self.ratios:
                self.ratios[row.measure].append((float(row.ratio), float(row.low), float(row.high)))

    def held(self, measure: str) -> int:
        """The number of runs whose interval contains 1."""
        return sum(bool(low <= 1 <= high) for _, low, high in self.ratios[measure])

    def share(self, measure: str) -> tuple[float, float, float] | None:
        """The share of runs whose interval contains 1, with the ends of its exact interval; None if no run has such a ratio."""
        runs = len(self.ratios[measure])
        return share_interval(self.held(measure), runs) if runs else None

    @property
    def good(self) -> bool | None:
        """Whether the steps' share is as it should be; None if no run has a ratio of steps, as on a machine that is never quiet."""
        share = self.share(MEASURES[0])
        return None if share is None else share[0] >= WANTED


def calibrate(
    runs: int,
    *,
    clock: Callable[[], float],
    machine: Callable[[Path], Machine] | None = None,
    ended: Callable[[int], None] = lambda _: None,
) -> Calibration:
    """Make `runs` short runs; `ended(number)` is called after each.

    Raises
    ------
    CalibrationError
        If a trial fails.

    """
    found = Calibration(environment.describe(threads=1).model_dump(mode="json"))
    began = clock()
    for number in range(1, runs + 1):
        with tempfile.TemporaryDirectory() as folder:
            found.add(_one_run(Path(folder), (machine or _this_machine)(Path(folder))))
        found.seconds = clock() - began
        ended(number)
    return found


def _this_machine(folder: Path) -> Machine:
    return Machine(Launcher(folder), TurnRounds(Canary(), cores=environment.cores(), enough=TURNS), places=1)


def _one_run(folder: Path, machine: Machine) -> list[RatioRow]:
    ours = CONTESTANTS[OURS]
    workload = WORKLOADS["moons"].model_copy(
        update={
            "training": Training(epochs=TRIAL_EPOCHS),
            "contestants": [OURS, TWIN],
            "scored_seeds": 0,
            "peer_scored_seeds": 0,
            "prediction_rows": [],
            "rounds": ROUNDS,
            "launches": LAUNCHES,
        }
    )
    run = Run(
        run_id=folder.name,
        command=[],
        quick=True,
        seed=secrets.randbits(32),
        threads=1,
        workloads=[workload.model_dump(mode="json")],
        contestants=[],
        environment=environment.describe(threads=1),
    )
    made = Runner(Job(folder, run, [(workload, [ours, replace(ours, name=TWIN)])]), machine, Observer()).run()
    if made.status == "interrupted":  # by Ctrl-C: the runner ends in order, and so must what called it
        raise KeyboardInterrupt
    data = read_run(folder)
    failed = next((trial for trial in data.trials if trial.status != "ok"), None)
    if failed is not None:
        raise CalibrationError(f"{failed.contestant} could not be trained: {failed.error}")
    return ratio_rows(measurements(data))


def write(found: Calibration, folder: Path) -> None:
    """Write every ratio as JSON, and the table of shares as Markdown, both or neither."""
    folder.mkdir(parents=True, exist_ok=True)
    record = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "launches": LAUNCHES,
        "rounds": ROUNDS,
        "epochs": TRIAL_EPOCHS,
        "seconds": round(found.seconds, 1),
        "environment": found.environment,
        "measures": {
            measure: {
                "runs": len(found.ratios[measure]),
                "held": found.held(measure),
                "share": found.share(measure),
                "ratios": found.ratios[measure],
            }
            for measure in MEASURES
        },
    }
    write_all(folder, {JSON_FILE: json.dumps(record, indent=1) + "\n", MARKDOWN_FILE: page(found)})


def page(found: Calibration) -> str:
    """The calibration as a Markdown page."""
    here = found.environment
    simulated = {(row.shape, row.launches): f"{100 * row.least:.1f} to {100 * row.most:.1f} %" for row in coverage_rows()}
    rows = [_row(measure, found) for measure in MEASURES]
    return "\n".join(
        [
            f"# How often the {100 * CONFIDENCE:g} % intervals hold what they should",
            "",
            "## `numpy_nn` against itself",
            "",
            f"The same network under two names, in {len(found.ratios[MEASURES[0]])} short runs of {LAUNCHES} launches and {ROUNDS} "
            f"rounds each: real processes, the run's own order, records and analysis. How often a ratio's {100 * CONFIDENCE:g} % "
            "interval held 1; in brackets the exact interval of Clopper and Pearson of that share.",
            "",
            markdown_table(("ratio of", "held 1", "share", "median ratio", "median half-width"), rows, "->>>>"),
            "",
            f"{here['cpu']}, {here['cores']} core{'s' if here['cores'] > 1 else ''}, {here['date'][:10]}; "
            f"{found.seconds / 60:.1f} minutes in all. "
            "Made by `python -m bench calibrate`.",
            "",
            "## Simulated",
            "",
            f"Rounds from a model of two levels whose true ratio is known, {REPEATS:,} simulated runs a figure; the least and the "
            f"most over {', '.join(map(str, SIMULATED_ROUNDS))} rounds a launch. The model is in `bench/selfcheck/coverage.py`; "
            f"the tests hold every figure between {100 * LEAST:.0f} and {100 * MOST:.0f} %.",
            "",
            markdown_table(
                ("noise", *(f"{launches} launches" for launches in SIMULATED_LAUNCHES)),
                ((shape, *(simulated[shape, launches] for launches in SIMULATED_LAUNCHES)) for shape in SHAPES),
                "-" + ">" * len(SIMULATED_LAUNCHES),
            ),
            "",
            f"The same of a step's ratio in a run that adds launches until the ratio is precise, with disturbed turns, "
            f"{STOPPED_REPEATS:,} simulated runs a figure, by the standard deviation between launches:",
            "",
            markdown_table(
                ("noise", *(f"{100 * sigma:g} %" for sigma in LAUNCH_SIGMAS)),
                ((shape, *(f"{100 * stopped_coverage(shape, sigma):.1f} %" for sigma in LAUNCH_SIGMAS)) for shape in SHAPES),
                "-" + ">" * len(LAUNCH_SIGMAS),
            ),
            "",
        ]
    )


def _row(measure: str, found: Calibration) -> tuple[str, ...]:
    ratios, known = found.ratios[measure], found.share(measure)
    if known is None:
        return measure, "0 of 0", "–", "–", "–"
    share, low, high = known
    half_widths = sorted((top - bottom) / (2 * middle) for middle, bottom, top in ratios)
    middles = sorted(middle for middle, _, _ in ratios)
    return (
        measure,
        f"{found.held(measure)} of {len(ratios)}",
        f"{100 * share:.1f} % [{100 * low:.1f}, {100 * high:.1f}]",
        f"{middles[len(middles) // 2]:.4f}",
        f"±{100 * half_widths[len(half_widths) // 2]:.1f} %",
    )
