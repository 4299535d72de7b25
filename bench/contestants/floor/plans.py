"""The plans of a step that is matrix products alone, and which of them is the fastest.

Called by `contestant`. Within a plan every matrix lies in memory one way for the whole step, as it has to in a network, where two
or three products use it. For each layout each product is measured by itself, whole and in tiles, and the layout whose products take
the least time is kept. Then whole steps are measured: with the minibatch in one or more chunks, one after the other; and with more
threads either the BLAS' own, or a thread team with the minibatch's rows or every result's columns divided among its threads. What
each of these gains on one machine stands in `docs/contestants.md`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np

from bench.contestants.base import Array, Task
from bench.contestants.floor.blas import limited_blas
from bench.contestants.floor.products import LARGEST_TILED, Product, Way, fastest_way, program_of, quickest_seconds, stored, ways
from bench.contestants.floor.threads import Program, ThreadTeam, run

CHUNK_ROWS = (1024, 512, 384, 256, 128)
"""The most rows of a chunk, where a minibatch is taken in chunks."""
STEP_SECONDS = 0.05
"""For which the steps of a plan are measured."""


class Layout(NamedTuple):
    """How the matrices of a step lie in memory: samples as columns or rows, kernels and their gradients (out, in) or (in, out)."""

    columns: bool
    out_first: bool

    def __str__(self) -> str:
        return f"samples as {'columns' if self.columns else 'rows'}, kernels {'(out, in)' if self.out_first else '(in, out)'}"


LAYOUTS = tuple(Layout(*each) for each in itertools.product((True, False), repeat=2))


@dataclass(frozen=True, eq=False)
class Plan:
    """A step: the programs that run at the same time, and the threads of the BLAS meanwhile."""

    programs: Sequence[Program]
    blas_threads: int
    layout: Layout
    how: str = ""
    """For the report: what there is to say beside the layout."""

    @contextmanager
    def ready(self) -> Iterator[Callable[[], Any]]:
        """The whole step as one call, to be made inside the block."""
        with limited_blas(self.blas_threads), ThreadTeam(len(self.programs)) as team:
            yield partial(run, *self.programs) if len(self.programs) == 1 else partial(team.run, self.programs)

    def quickest_seconds(self) -> float:
        """The time of the quickest step, of those that begin within `STEP_SECONDS`."""
        with self.ready() as step:
            return quickest_seconds(step, STEP_SECONDS)


class Planner:
    """Plans the steps of a task; what is measured for a product holds for all products of its shapes and layout."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._kernels = cache(lambda layout: [stored(each, layout.out_first, task.dtype) for each in task.weights[::2]])
        self._found: dict[Hashable, tuple[Way, float]] = {}

    def fastest_plan(self, rows: int) -> Plan:
        """The fastest plan for a step of so many rows. Plans are made one by one: no more than two have their arrays at a time."""
        return min(self._plans(rows), key=Plan.quickest_seconds)

    def in_chunks(self, rows: int, chunks: int, blas_threads: int, team: int = 1, layouts: Sequence[Layout] = LAYOUTS) -> Plan:
        """The rows are divided among the threads of a team, and each takes its rows in so many chunks."""
        rows_of_thread = _divide(rows, team)
        layout, chosen = self._fastest_layout(partial(self.products, -(-rows_of_thread[0] // chunks)), blas_threads, layouts)
        how = f", a minibatch in {chunks * team} chunks" if chunks * team > 1 else ""
        how += f", on a team of {team} threads" if team > 1 else ""
        how += f", the BLAS on {blas_threads} threads" if blas_threads > 1 else ""
        programs = [self._program(own_rows, chunks, layout, chosen) for own_rows in rows_of_thread]
        return Plan(programs, blas_threads, layout, how)

    def in_columns(self, rows: int, team: int) -> Plan:
        """The columns of every result are divided among the threads of a team; none waits for another between two products."""

        def of_thread(number: int, layout: Layout) -> list[Product]:
            return [product.columns(number, team) for product in products(layout)]

        products = cache(partial(self.products, rows))
        layout, chosen = self._fastest_layout(partial(of_thread, team - 1), 1)
        programs = [_program_of_all(of_thread(number, layout), chosen) for number in range(team)]
        return Plan(programs, 1, layout, f", the columns of every result on a team of {team} threads")

    def products(self, rows: int, layout: Layout) -> list[Product]:
        """The products of a step of `rows` samples, in a network's order, each as if samples were rows and kernels (in, out)."""
        kernels, dtype, rng = self._kernels(layout), self._task.dtype, np.random.default_rng(self._task.seed)

        def samples(size: int) -> Array:  # one random row again and again: a product takes the same time whatever its values
            return stored(np.broadcast_to(rng.standard_normal(size), (rows, size)), layout.columns, dtype)

        sizes = [kernels[0].shape[0], *(kernel.shape[1] for kernel in kernels)]
        activations, gradients = ([samples(size) for size in sizes] for _ in range(2))
        forward, backward = [], []
        for number, kernel in enumerate(kernels):
            before, after, gradient = activations[number], activations[number + 1], gradients[number + 1]
            forward.append(Product(before, kernel, after))
            of_activations = [Product(gradient, kernel.T, gradients[number])] if number else []
            of_kernel = Product(before.T, gradient, stored(kernel, layout.out_first, dtype))
            backward.append([of_kernel, *of_activations])
        return [*forward, *itertools.chain.from_iterable(reversed(backward))]

    def _plans(self, rows: int) -> Iterator[Plan]:
        count = self._task.threads
        for threads in sorted({1, count}):
            yield from (self.in_chunks(rows, chunks, threads) for chunks in self._chunk_counts(rows))
        if 1 < count <= rows:
            yield from (self.in_chunks(rows, chunks, 1, count) for chunks in self._chunk_counts(rows // count))
            yield self.in_columns(rows, count)

    def _chunk_counts(self, rows: int) -> list[int]:
        """How many chunks are worth a try. Chunks whose products are too large for tiles never gained anything."""
        largest = max(kernel.size for kernel in self._task.weights[::2])
        return sorted({1} | {-(-rows // most) for most in CHUNK_ROWS if most * largest <= LARGEST_TILED})

    def _program(self, rows: int, chunks: int, layout: Layout, chosen: Sequence[Way]) -> Program:
        """The products of each chunk, one chunk after the other; chunks of one size have the same arrays."""
        sizes = _divide(rows, chunks)
        programs = {size: _program_of_all(self.products(size, layout), chosen) for size in set(sizes)}
        return list(itertools.chain.from_iterable(programs[size] for size in sizes))

    def _fastest_layout(
        self, products: Callable[[Layout], list[Product]], blas_threads: int, layouts: Sequence[Layout] = LAYOUTS
    ) -> tuple[Layout, list[Way]]:
        """The layout whose products take the least time, each in its fastest way, and these ways."""
        found = {layout: [self._fastest_way(product, blas_threads) for product in products(layout)] for layout in layouts}
        layout = min(found, key=lambda each: sum(seconds for _, seconds in found[each]))
        return layout, [way for way, _ in found[layout]]

    def _fastest_way(self, product: Product, blas_threads: int) -> tuple[Way, float]:
        """With more threads, the only tiles tried are one thread's fastest: the BLAS takes no more for a small product."""
        key = blas_threads, *((each.shape, each.strides) for each in product.by_rows())
        if key not in self._found:
            candidates = ways(product) if blas_threads == 1 else [self._fastest_way(product, 1)[0], *ways(product, tiled=False)]
            with limited_blas(blas_threads):
                self._found[key] = fastest_way(product, candidates)
        return self._found[key]


def _program_of_all(products: Sequence[Product], chosen: Sequence[Way]) -> Program:
    """The calls of all products in their order; a thread that has no column of a result has no call."""
    return [call for product, way in zip(products, chosen, strict=True) if product.out.size for call in program_of(product, way)]


def _divide(rows: int, count: int) -> list[int]:
    """The sizes of `count` nearly equal pieces of `rows`, the larger ones first."""
    size, larger = divmod(rows, count)
    return [size + 1] * larger + [size] * (count - larger)
