"""The plans of a step that is matrix products alone, and which of them is the fastest.

Called by `floor`. Each product is computed in its own fastest way (`fastest_product`). What is left to decide for a whole step is
into how many parts a batch is taken, one after the other, and where there are threads, whether they are the BLAS' own, or each has
its share of the batch or of every product's columns. In float32, 4,096 rows of the article's network take 0.79 of the time in 11
parts, and 1,024 rows of layers 128 wide 0.93 in 8. With a second core that nobody else wants, 32 rows of layers 1,024 wide take 0.6
of the time of one thread if the columns are shared out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from itertools import chain
from typing import Any

from bench.contestants.base import Task
from bench.contestants.fastest_product import (
    LARGEST_TILED,
    Product,
    Shape,
    Way,
    calls,
    fastest,
    fastest_way,
    matrix,
    quickest_seconds,
    random_matrix,
    ways,
)
from numpy_nn.blas import blas_threads
from numpy_nn.tape import Tape, play
from numpy_nn.threads import Crew

PART_ROWS = (1024, 512, 384, 256, 128)
"""The most rows of a part, where a batch is taken in parts."""
TURN_SECONDS = 2e-3
"""How long a plan is run in its turns against another."""


@dataclass(frozen=True, eq=False)
class Plan:
    """A step: the tapes that are played side by side, and on how many threads the BLAS is meanwhile."""

    tapes: Sequence[Tape]
    blas_threads: int
    layout: str
    """In words, for the report."""

    @contextmanager
    def ready(self) -> Iterator[Callable[[], Any]]:
        """The whole step as one call, to be made inside the block."""
        with blas_threads(self.blas_threads), Crew(len(self.tapes)) as crew:
            yield partial(play, *self.tapes) if len(self.tapes) == 1 else partial(crew.play, self.tapes)

    def quickest_seconds(self, seconds: float) -> float:
        """The time of the quickest step of those that begin within `seconds`."""
        with self.ready() as step:
            return quickest_seconds(step, seconds)


class Planner:
    """Plans the steps of a task; what is found about products of one shape holds for all of them."""

    def __init__(self, task: Task) -> None:
        self._dtype, self._threads = task.dtype, task.threads
        self._kernels = [matrix(weights, task.dtype) for weights in task.weights[::2]]
        self._way = cache(self._fastest_way)

    def fastest_plan(self, rows: int) -> Plan:
        """The fastest for a step of so many rows. Each is made when its turn comes, so that no more than two have their arrays."""
        plans = self._plans(rows)
        best = next(plans)
        for plan in plans:
            best = fastest({each: each.quickest_seconds for each in (best, plan)}, TURN_SECONDS)
        return best

    def in_parts(self, rows: int, parts: int, threads: int) -> Plan:
        """All on one thread of ours, with so many of the BLAS'."""
        chosen = self._ways(self.products(-(-rows // parts)), threads)
        how = [f"the BLAS on {threads} of {self._threads} threads"] if self._threads > 1 else []
        return Plan([self._tape(rows, parts, chosen)], threads, _layout(chosen, parts, *how))

    def in_batch_shares(self, rows: int, parts: int) -> Plan:
        """Each thread has a share of the batch, and takes it in so many parts."""
        shares = _shares(rows, self._threads)
        chosen = self._ways(self.products(-(-shares[0] // parts)), 1)
        tapes = [self._tape(share, parts, chosen) for share in shares]
        return Plan(tapes, 1, _layout(chosen, parts * len(tapes), f"on {len(tapes)} threads side by side"))

    def in_column_shares(self, rows: int) -> Plan:
        """Each thread has its columns of every result, and doesn't wait for the others before the next product."""
        products = self.products(rows)
        shares = [[product.column_share(number, self._threads) for product in products] for number in range(self._threads)]
        filled = [[product for product in share if product.out.columns] for share in shares]
        chosen = [self._ways(share, 1) for share in filled]
        tapes = [_in_turn(*each) for each in zip(filled, chosen, strict=True)]
        return Plan(tapes, 1, _layout(chosen[-1], 1, f"each of {len(tapes)} threads with its columns of every result"))

    def products(self, rows: int) -> list[Product]:
        """The products of a step of `rows` samples, in the order in which a network needs them."""
        kernels = self._kernels
        sizes = [kernels[0].rows, *(kernel.columns for kernel in kernels)]
        activations, deltas = ([random_matrix(rows, size, self._dtype) for size in sizes] for _ in range(2))
        forward, backward = [], []
        for number, kernel in enumerate(kernels):
            before, after, delta = activations[number], activations[number + 1], deltas[number + 1]
            gradient = random_matrix(kernel.rows, kernel.columns, self._dtype)
            forward.append(Product(before, kernel, after))
            down = [Product(delta, kernel.T, deltas[number])] if number else []
            backward.append([Product(before.T, delta, gradient), *down])
        return [*forward, *chain.from_iterable(reversed(backward))]

    def _plans(self, rows: int) -> Iterator[Plan]:
        for threads in sorted({1, self._threads}):
            yield from (self.in_parts(rows, parts, threads) for parts in self._part_counts(rows))
        if 1 < self._threads <= rows:
            yield from (self.in_batch_shares(rows, parts) for parts in self._part_counts(rows // self._threads))
            yield self.in_column_shares(rows)

    def _part_counts(self, rows: int) -> list[int]:
        """How many parts are worth a try. Parts whose products are too large to be tiled never gained anything."""
        largest = max(kernel.rows * kernel.columns for kernel in self._kernels)
        counts = {-(-rows // most) for most in PART_ROWS if most * largest <= LARGEST_TILED}
        return sorted({1} | counts)

    def _tape(self, rows: int, parts: int, chosen: Sequence[Way]) -> Tape:
        """The products of each part, one part after the other; parts of the same size have the same arrays."""
        tapes = {size: _in_turn(self.products(size), chosen) for size in set(_shares(rows, parts))}
        return list(chain.from_iterable(tapes[size] for size in _shares(rows, parts)))

    def _ways(self, products: Sequence[Product], threads: int) -> list[Way]:
        return [self._way(product.shape, threads) for product in products]

    def _fastest_way(self, shape: Shape, threads: int) -> Way:
        """The fastest way. The BLAS computes a small product on one thread anyway, so tiles are measured with one only."""
        candidates = list(ways(shape, self._dtype))
        if threads > 1:
            candidates = [self._way(shape, 1), *(way for way in candidates if way.tile is None)]
        with blas_threads(threads):
            return fastest_way(shape, self._dtype, candidates)


def _in_turn(products: Sequence[Product], chosen: Sequence[Way]) -> Tape:
    return list(chain.from_iterable(calls(product, way) for product, way in zip(products, chosen, strict=True)))


def _shares(rows: int, count: int) -> list[int]:
    """`rows` in `count` shares, the longer ones first."""
    share, longer = divmod(rows, count)
    return [share + 1] * longer + [share] * (count - longer)


def _layout(chosen: Sequence[Way], parts: int, *how: str) -> str:
    tiled = sum(way.tile is not None for way in chosen)
    in_parts = [f"a batch in {parts} parts"] if parts > 1 else []
    return ", ".join([f"{tiled} of {len(chosen)} products in tiles", *in_parts, *how])
