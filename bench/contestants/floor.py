"""The floor of a workload: the matrix products of its steps and nothing else, called through NumPy's BLAS into arrays made once.

No bias, no activation, no loss, no update, no copy: what a network in NumPy has to be measured by. A step of L layers is L products
forward, L for the kernels' gradients and L − 1 for the activations'. Which layout BLAS likes best depends on the sizes and the
machine, so all four (samples as columns or rows, kernels (out, in) or (in, out)) are measured in `warm_up`, and so is a batch in
parts, for which it may have faster kernels; the fastest is used.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from time import perf_counter
from typing import Any

import numpy as np

from bench.contestants.base import Array, EpochEnd, Task, batches

Product = Callable[[], Any]

LAYOUT_SECONDS = 0.05
"""For which each layout is tried, at least `LAYOUT_STEPS` of it."""
LAYOUT_STEPS = 3
PARTS = (1, 2, 3, 4, 8)
"""Into how many parts a batch is taken, as long as each has `SMALLEST_PART_ROWS`."""
SMALLEST_PART_ROWS = 128
PEAK_SIZE = 1536
"""Rows and columns of the square matrices from which the machine's peak is taken: far above what the caches hold."""
PEAK_REPEATS = 8


class Floor:
    """Runs the products of `task.steps` steps."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._layout = "not measured"
        self._products = _batch_products(task, task.rows_a_step, 1, columns=True, out_first=True)
        self._rest: list[Product] = []

    def warm_up(self) -> None:
        """Measure the layouts, then the parts in the fastest of them, and make the products of what is fastest."""
        task, rows = self._task, self._task.rows_a_step
        layouts = itertools.product((True, False), (True, False))
        columns, out_first = min(layouts, key=lambda layout: _quickest_seconds(_batch_products(task, rows, 1, *layout)))
        counts = [count for count in PARTS if count == 1 or rows >= count * SMALLEST_PART_ROWS]
        parts = min(counts, key=lambda count: _quickest_seconds(_batch_products(task, rows, count, columns, out_first)))
        self._products = _batch_products(task, rows, parts, columns, out_first)
        self._rest = _batch_products(task, len(task.x) % rows, 1, columns, out_first)
        self._layout = (
            f"samples as {'columns' if columns else 'rows'}, kernels {'(out, in)' if out_first else '(in, out)'}"
            f"{f', a batch in {parts} parts' if parts > 1 else ''}"
        )

    def fit(self, on_epoch_end: EpochEnd) -> Mapping[str, Sequence[float]]:
        """The products of every step. There is no loss and no accuracy: both are NaN."""
        steps = [self._products if rows.stop - rows.start == self._task.rows_a_step else self._rest for rows in batches(self._task)]
        for epoch in range(self._task.epochs):
            for products in steps:
                for product in products:
                    product()
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
            "layout": self._layout,
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
    return 2 * PEAK_SIZE**3 / min(_seconds([product]) for _ in range(PEAK_REPEATS))


def _batch_products(task: Task, rows: int, parts: int, columns: bool, out_first: bool) -> list[Product]:
    """The products of a step of `rows` samples, in so many parts, one after the other."""
    part, longer = divmod(rows, parts)
    counts = {part + 1: longer, part: parts - longer}
    return [
        product for size, count in counts.items() if count for product in _step_products(task, size, columns, out_first) * count
    ]


def _step_products(task: Task, rows: int, columns: bool, out_first: bool) -> list[Product]:
    """The products of a step of `rows` samples as calls without arguments, in the order in which a network needs them."""
    if rows == 0:
        return []
    rng = np.random.default_rng(task.seed)
    sizes = [task.architecture[0]["input_dim"], *(layer["output_dim"] for layer in task.architecture)]

    def samples(size: int) -> Array:
        return rng.standard_normal((size, rows) if columns else (rows, size)).astype(task.dtype)

    activations, deltas = ([samples(size) for size in sizes] for _ in range(2))
    kernels = [weights.T.copy() if out_first else weights.copy() for weights in task.weights[::2]]
    gradients = [np.empty_like(kernel) for kernel in kernels]
    forward: list[Product] = []
    backward: list[list[Product]] = []
    for number, (kernel, gradient) in enumerate(zip(kernels, gradients, strict=True)):
        inward = kernel.T if out_first else kernel  # (in, out)
        before, after, delta = activations[number], activations[number + 1], deltas[number + 1]
        if columns:
            forward.append(_product(inward.T, before, after))
            up = _product(delta, before.T, gradient) if out_first else _product(before, delta.T, gradient)
            down = _product(inward, delta, deltas[number])
        else:
            forward.append(_product(before, inward, after))
            up = _product(delta.T, before, gradient) if out_first else _product(before.T, delta, gradient)
            down = _product(delta, inward.T, deltas[number])
        backward.append([up, down] if number else [up])
    return [*forward, *itertools.chain.from_iterable(reversed(backward))]


def _product(left: Array, right: Array, out: Array) -> Product:
    """One call of the BLAS through NumPy; the array's own method, which costs 0.15 µs less than `np.dot`."""
    return partial(left.dot, right, out)


def _quickest_seconds(products: Sequence[Product]) -> float:
    """The best time of a step, over `LAYOUT_SECONDS`."""
    quickest, spent, steps = float("inf"), 0.0, 0
    while spent < LAYOUT_SECONDS or steps < LAYOUT_STEPS:
        seconds = _seconds(products)
        quickest, spent, steps = min(quickest, seconds), spent + seconds, steps + 1
    return quickest


def _seconds(products: Sequence[Product]) -> float:
    start = perf_counter()
    for product in products:
        product()
    return perf_counter() - start
