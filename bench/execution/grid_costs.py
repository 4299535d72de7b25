"""What a scaling study is expected to take: which trials `ScalingCutoff` is likely to leave, and the seconds of each.

Called by `bench.execution.time_plan`, whose costs are those of the network of `moons`. Nearly all planned trials of a study are
skipped, so that neither their number nor a mean says how long it takes. The constants are fitted to the trials of the study that is
published in `results/reference/scaling`, medians of what they took besides their fits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from bench.execution.schedule import PlannedTrial, TrialKey
from bench.execution.skip_rules.scaling_cutoff import AGAIN_WITHIN, HOPELESS
from bench.workloads.grid import architecture_at, epochs_at, rows_at

MOONS_WEIGHTS, MOONS_UNITS = 5_075, 151
"""Of the network of `moons`, without biases."""
PRODUCT_SECONDS = 4e-11
"""Of a row's products for each weight, all three of them, whoever computes them: what a step takes besides goes with the units."""
ONE_THREAD = 1.7
"""Times as long as on the two threads of the costs, where a cell has one."""
UPDATE_SECONDS = 0.6e-9
"""Of a step for each weight that doesn't fit into the caches, whoever updates it."""
CACHED_WEIGHTS = 300_000
TYPICAL_ROUNDS = 5.5
"""Of a cell on a machine that is quiet most of the time; 4 at least."""


class Overhead(NamedTuple):
    """Seconds of a trial besides its fit."""

    first: float
    """Of the first in a cell: a network is built, and compiled."""
    again: float


OVERHEADS = {
    "numpy_nn": Overhead(0.03, 0.025),
    "jax": Overhead(0.43, 0.08),
    "tensorflow": Overhead(0.65, 0.23),
    "torch": Overhead(0.11, 0.1),
    "torch-compile": Overhead(0.53, 0.27),
    "sklearn": Overhead(0.19, 0.12),
    "keras": Overhead(0.61, 0.26),
    "floor": Overhead(0.42, 0.025),
}
UNKNOWN_OVERHEAD = Overhead(0.4, 0.15)

Cell = tuple[tuple[str, Any], ...]


@dataclass
class _CellCosts:
    """Of a cell, by contestant."""

    first_steps: dict[str, float] = field(default_factory=dict)
    slowest: dict[str, float] = field(default_factory=dict)
    """The longest step of those that a contestant was timed for in this cell or a smaller one."""
    fastest: float = float("inf")


def expected_seconds(planned: Sequence[PlannedTrial], costs: Mapping[str, tuple[float, float]], rows: int) -> dict[TrialKey, float]:
    """Return the expected seconds of the timed trials of one grid's cells, 0 of those that are likely to be skipped.

    Parameters
    ----------
    planned
        In their order: cells follow one another, the smallest first.
    costs
        Of each contestant, the seconds of a step, and of each row in it, for the network of `moons`.
    rows
        Of the training data.

    """
    cells: defaultdict[Cell, _CellCosts] = defaultdict(_CellCosts)
    found: dict[TrialKey, float] = {}
    for trial in planned:
        name, cell = trial.spec.name, cells[_cell(trial.point)]
        step_seconds, steps = _step(trial, costs[name], rows)
        overhead = OVERHEADS.get(name, UNKNOWN_OVERHEAD)
        if trial.round == 0:
            smaller = [cells[place] for place in _smaller(trial) if place in cells]
            earlier = max((one.slowest.get(name, 0.0) for one in smaller), default=0.0)
            is_timed = earlier <= HOPELESS * cell.fastest
            cell.slowest[name] = max(earlier, step_seconds if is_timed else 0.0)
            if is_timed:
                cell.first_steps[name] = step_seconds
                cell.fastest = min(cell.fastest, step_seconds) if trial.spec.learns else cell.fastest
            found[trial.key] = is_timed * (overhead.first + steps * step_seconds)
        else:
            share = min(max(TYPICAL_ROUNDS - trial.round, 0.0), 1.0)
            is_timed = cell.first_steps.get(name, float("inf")) <= AGAIN_WITHIN * cell.fastest
            found[trial.key] = share * (overhead.again + steps * step_seconds) if share and is_timed else 0.0
    return found


def _step(trial: PlannedTrial, cost: tuple[float, float], rows: int) -> tuple[float, int]:
    """Return the seconds of a step in a trial's cell, and how many steps a fit has."""
    training = trial.workload.training_of(trial.spec.name)
    rows = rows_at(trial.workload, trial.point, rows) or rows
    batch = min(int(trial.point.get("batch", training.batch_size or rows)), rows)
    layers = architecture_at(trial.workload, trial.point)
    weights = sum(int(layer["input_dim"]) * int(layer["output_dim"]) for layer in layers)
    units = sum(int(layer["output_dim"]) for layer in layers)
    a_step, a_row = cost
    products = PRODUCT_SECONDS * weights
    besides = max(a_row - PRODUCT_SECONDS * MOONS_WEIGHTS, 0.0) * units / MOONS_UNITS
    threads = ONE_THREAD if trial.point.get("threads") == 1 else 1.0
    seconds = a_step + threads * batch * (products + besides) + UPDATE_SECONDS * max(weights - CACHED_WEIGHTS, 0)
    return seconds, epochs_at(trial.workload, trial.point, training.epochs) * -(-rows // batch)


def _cell(point: Mapping[str, Any]) -> Cell:
    return tuple(sorted(point.items()))


def _smaller(trial: PlannedTrial) -> list[Cell]:
    """Return the cells that are one value smaller on one axis, on as many threads."""
    point, grid = dict(trial.point), trial.workload.grid
    found = []
    for axis, value in point.items():
        less = [other for other in grid[axis] if other < value] if axis != "threads" else []
        if less:
            found.append(_cell({**point, axis: max(less)}))
    return found
