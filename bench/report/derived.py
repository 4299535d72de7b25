"""Derives small tables from those of the analysis, in the form in which tables and plots need them.

Called by `bench.report.tables`, `figures` and `sections`. Nothing is estimated here.
"""

from __future__ import annotations

import pandas as pd

from bench.analysis.selection import FLOOR
from bench.analysis.steps import turn_steps
from bench.analysis.summary import Analysis
from bench.analysis.targets import target_measurements, times_to_target
from bench.analysis.timing import measurements
from bench.records import OURS, REFERENCE, Trial
from bench.report.plots.dots import STEP, TARGET, DotRow

_TIME_COLUMNS = ("contestant", "measure", "median", "low", "high")
MOST_DOT_ROWS = 12
"""Contestants in the plot beside the answer: the fastest, and `numpy_nn` and the reference in any case."""


def of_workload(frame: pd.DataFrame, workload: str) -> pd.DataFrame:
    """The rows of one workload without those of the floor, which has a table of its own."""
    return frame[(frame["workload"] == workload) & (frame["contestant"] != FLOOR)]


def training_workloads(analysis: Analysis) -> list[str]:
    """The names of the run's workloads without the grids, which have a section of their own."""
    return [workload["name"] for workload in analysis.data.run.workloads if not workload["grid"]]


def estimates(analysis: Analysis, workload: str) -> pd.DataFrame:
    """The estimated times of one workload, with a row per contestant and a column per measure."""
    times = of_workload(analysis.times, workload)
    return pd.DataFrame(times.pivot(index="contestant", columns="measure", values="median"))


def accuracy_against_time(analysis: Analysis, workload: str) -> pd.DataFrame:
    """contestant, seconds, accuracy, least, most: the time at which each epoch ends, and the test accuracy after it.

    The times are from timed trials (cold start, first epoch and steady epoch), the accuracies from scored trials
    (mean, minimum and maximum over the seeds).
    """
    curves = analysis.curves[analysis.curves["workload"] == workload].dropna(subset=["val_accuracy"])
    clocks = estimates(analysis, workload).reindex(columns=["cold start", "first epoch", "epoch"]).dropna()
    scores = curves.groupby(["contestant", "epoch"], as_index=False)["val_accuracy"].agg(accuracy="mean", least="min", most="max")
    scores = scores[scores["contestant"].isin(clocks.index)].reset_index(drop=True)
    clock = clocks.reindex(scores["contestant"]).reset_index(drop=True)
    scores["seconds"] = clock["cold start"] + clock["first epoch"] + scores["epoch"] * clock["epoch"]
    return pd.DataFrame(scores, columns=["contestant", "seconds", "accuracy", "least", "most"])


def breakdown(analysis: Analysis, workload: str) -> pd.DataFrame:
    """contestant, cold_start, products, rest, total: the seconds from process start to the last update, and their parts.

    The products are the floor of a step times the steps of the fit; NaN if no floor was measured.
    """
    clocks = estimates(analysis, workload).reindex(columns=["cold start", "fit"]).astype(float).dropna()
    limits = analysis.limits[analysis.limits["workload"] == workload].set_index("contestant")["floor_seconds"].astype(float)
    steps = pd.Series(steps_of(analysis, workload), dtype=float)
    products = (limits.reindex(clocks.index) * steps.reindex(clocks.index)).clip(upper=clocks["fit"])
    table = pd.DataFrame(
        {
            "contestant": clocks.index,
            "cold_start": clocks["cold start"].to_numpy(),
            "products": products.to_numpy(),
            "rest": (clocks["fit"] - products.fillna(0.0)).to_numpy(),
            "total": (clocks["cold start"] + clocks["fit"]).to_numpy(),
        }
    )
    return table.sort_values(["total", "contestant"], ignore_index=True)


def losses_of_pair(analysis: Analysis, workload: str) -> tuple[str, dict[str, list[float]]] | None:
    """The precision, and the losses of `numpy_nn` and the reference from one seed; None if there are no two of one length.

    They are from parity trials, or in a workload without, from scored or timed ones of the first seed that both have.
    """
    found: dict[tuple[str, int], dict[str, Trial]] = {}
    for kind in ("parity", "scored", "timed"):
        for trial in analysis.data.trials:
            alike = trial.workload == workload and trial.kind == kind and trial.status == "ok" and not trial.point
            if alike and trial.contestant in (OURS, REFERENCE) and trial.history.get("loss"):
                found.setdefault((kind, trial.seed), {}).setdefault(trial.contestant, trial)
    for pair in found.values():
        if len(pair) == 2 and len({(trial.dtype, trial.steps, len(trial.history["loss"])) for trial in pair.values()}) == 1:
            return pair[OURS].dtype, {name: list(pair[name].history["loss"]) for name in (OURS, REFERENCE)}
    return None


def steps_of(analysis: Analysis, workload: str) -> dict[str, int]:
    """The number of steps of a whole training, by contestant."""
    steps: dict[str, int] = {}
    for trial in analysis.data.trials:
        if trial.workload == workload and trial.status == "ok" and not trial.point and trial.kind in ("timed", "scored", "parity"):
            steps[trial.contestant] = max(steps.get(trial.contestant, 0), trial.steps)
    return steps


def dot_rows(analysis: Analysis, workload: str, target: str | None) -> list[DotRow]:
    """The rows of the plot beside the answer: step and time to `target` (a measure such as "to 0.95"), the fastest step first."""
    trials: dict[tuple[str, str], list[float]] = {}
    for one in [*measurements(analysis.data), *target_measurements(times_to_target(analysis.data))]:
        if one.workload == workload:
            trials.setdefault((one.contestant, one.measure), []).append(one.seconds)
    turns, disturbed = _turns_of(analysis, workload)
    for name in {*turns, *disturbed}:
        trials[name, "step"] = turns.get(name, [])
    measures = {"step": STEP} | ({target: TARGET} if target is not None else {})
    times = of_workload(analysis.times, workload)
    steps = times[times["measure"] == "step"].sort_values(["median", "contestant"])
    chosen = list(steps["contestant"])
    shown = [name for index, name in enumerate(chosen) if index < MOST_DOT_ROWS or name in (OURS, REFERENCE)]
    rows = {
        (str(name), str(measure)): (float(middle), float(low), float(high))
        for name, measure, middle, low, high in zip(*(times[column] for column in _TIME_COLUMNS), strict=True)
    }
    return [
        DotRow(
            name, title, trials.get((name, measure), []), *rows[name, measure], disturbed.get(name, []) if measure == "step" else []
        )
        for name in shown
        for measure, title in measures.items()
        if (name, measure) in rows
    ]


def _turns_of(analysis: Analysis, workload: str) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """The step of each undisturbed and of each disturbed turn of a workload, by contestant."""
    found: tuple[dict[str, list[float]], dict[str, list[float]]] = ({}, {})
    for turn in turn_steps(analysis.data):
        if turn.workload == workload:
            found[turn.disturbed].setdefault(turn.contestant, []).append(turn.step_seconds)
    return found


def winners(scaling: pd.DataFrame) -> pd.DataFrame:
    """A row per cell of the scaling study: the fastest contestant, the ratio of the runner-up to it, and `numpy_nn`'s.

    width, batch, layers, threads, winner, winner_seconds, runner_up_ratio (NaN if there is none), ours_seconds, ours_ratio,
    ours_low, ours_high (to the winner), floor_seconds. Cells without any measurement are left out.
    """
    cell = ["width", "batch", "layers", "threads"]
    measured = scaling.set_index(cell)
    first, second = measured[measured["rank"] == 1], measured[measured["rank"] == 2]
    ours = measured[(measured["contestant"] == OURS) & measured["rank"].notna()]
    floor = measured[measured["contestant"] == FLOOR]
    own = {"step_seconds": "ours_seconds", "ratio_to_best": "ours_ratio", "low": "ours_low", "high": "ours_high"}
    return (
        first[["contestant", "step_seconds"]]
        .rename(columns={"contestant": "winner", "step_seconds": "winner_seconds"})
        .join(second["ratio_to_best"].rename("runner_up_ratio"))
        .join(ours[list(own)].rename(columns=own))
        .join(floor["step_seconds"].rename("floor_seconds"))
        .sort_index()
        .reset_index()
    )
