"""The floor of a workload: the matrix products of its steps and nothing else, called through NumPy's BLAS into arrays made once.

No bias, no activation, no loss, no update, no copy: what a network in NumPy has to be measured by. A step of L layers is L products
forward, L for the kernels' gradients and L − 1 for the activations'. Every matrix lies in memory one way for the whole step, in the
fastest of four layouts (samples as columns or rows, kernels (out, in) or (in, out)); each product is computed whole or in tiles,
whichever is faster. `warm_up` measures that, and into how many parts, on how many threads a batch is best taken (`floor_plans`). A
network that makes itself a turned copy of a matrix, so that one of its products is faster, may take less for that product.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import Any

import numpy as np

from bench.contestants.base import Array, EpochEnd, Task, batches
from bench.contestants.floor_plans import LAYOUTS, Plan, Planner, quickest_seconds
from numpy_nn._engine.program import Program as Tape
from numpy_nn._engine.program import run as play

PEAK_SIZE = 1536
"""Rows and columns of the square matrices from which the machine's peak is taken: far above what the caches hold."""
PEAK_REPEATS = 8


class Floor:
    """Runs the products of `task.steps` steps."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._plan = Plan([], 1, LAYOUTS[0])
        self._rest: Tape = []

    def warm_up(self) -> None:
        """Measure every plan, and keep the fastest; the last, smaller batch of an epoch is taken whole."""
        planner, rows = Planner(self._task), self._task.rows_a_step
        rest = len(self._task.x) % rows
        self._plan = planner.fastest_plan(rows)
        self._rest = planner.in_parts(rest, 1, self._plan.blas_threads, layouts=[self._plan.layout]).tapes[0] if rest else []

    def fit(self, on_epoch_end: EpochEnd) -> Mapping[str, Sequence[float]]:
        """The products of every step. There is no loss and no accuracy: both are NaN."""
        with self._plan.ready() as full_step:
            rest = partial(play, self._rest)
            steps = [full_step if rows.stop - rows.start == self._task.rows_a_step else rest for rows in batches(self._task)]
            for epoch in range(self._task.epochs):
                for step in steps:
                    step()
                on_epoch_end(epoch)
        return {name: [math.nan] * self._task.epochs for name in ("loss", "accuracy")}

    def predict(self, x: Array) -> Array:
        """The forward products alone: no network's answer."""
        outputs = x
        for kernel in self._task.weights[::2]:
            outputs = np.dot(outputs, kernel)
        return outputs

    def get_weights(self) -> Sequence[Array]:
        return self._task.weights

    def details(self) -> dict[str, Any]:
        """The layout, the floating-point operations of a step, and the machine's peak for matrix products."""
        return {
            "layout": f"{self._plan.layout}{self._plan.how}" if self._plan.tapes else "not measured",
            "flops_per_step": flops_per_step(self._task),
            "peak_flops_per_second": peak_flops_per_second(self._task.dtype),
        }


def flops_per_step(task: Task) -> int:
    """Multiplications and additions in the products of a full step."""
    sizes = [layer["input_dim"] * layer["output_dim"] for layer in task.architecture]
    return int(2 * task.rows_a_step * (3 * sum(sizes) - sizes[0]))


@cache
def peak_flops_per_second(dtype: str) -> float:
    """The machine's peak, as the best of several large square products; measured once a process."""
    left, right, out = (np.ones((PEAK_SIZE, PEAK_SIZE), dtype) for _ in range(3))
    product = partial(left.dot, right, out)
    return 2 * PEAK_SIZE**3 / min(quickest_seconds(product, 0.0) for _ in range(PEAK_REPEATS))
