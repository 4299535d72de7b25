"""The plans of a step that is matrix products alone, and which of them is the fastest.

Called by `floor`. Every matrix of a plan lies in memory one way for the whole step, as it has to for a network, which computes two
or three products from each. Within a layout each product is measured by itself, whole and in tiles for the BLAS' kernel for small
products, and the layout whose products take the least time is kept. Then the steps are measured as a whole: a batch in parts, one
after the other, and where there are threads, the BLAS' own, or each of ours with its share of the batch or of every result.

Measured with OpenBLAS 0.3.31 on Sapphire Rapids, in float32, on one thread, against the best layout with each product whole, by
`dot`: three hidden layers take 0.55 of the time with 8 rows of 512 or of 1,024 units, 0.84 with 32, 0.86 with 128 rows of 128; 900
rows of the article's network take 0.68, and 4,096 rows in 4 parts 0.78 of the time in one. With a second core that nobody else
wants, 32 rows of 1,024 units take 0.6 of the time if the columns are shared out.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from bench.contestants.base import Array, Task
from numpy_nn._engine.arrays import empty
from numpy_nn._engine.blas import blas_threads
from numpy_nn._engine.gemm import record_tiles as in_tiles
from numpy_nn._engine.program import Program as Tape
from numpy_nn._engine.program import run as play
from numpy_nn._engine.threads import ThreadTeam as Crew
from numpy_nn._engine.tuning import Tuning

SMALL_PRODUCT, SMALL_TURNED_RESULT = Tuning.small_product, Tuning.small_nt_result

LARGEST_TILED = 1.5e8
"""Multiplications of a product beyond which tiles gain nothing: 4 % at (1024, 1024)·(1024, 128), none at (512, 512)·(512, 512)."""
TILE_COLUMNS = (256, 64, 16)
"""Besides all of the columns."""
TILE_ROWS = (6, 16)
"""A tile has as many rows as leave it a small product, rounded down to a multiple of one of these; or so few more that all tiles
are of a size."""
MOST_TILE_ROWS = 64
PART_ROWS = (1024, 512, 384, 256, 128)
"""The most rows of a part, where a batch is taken in parts."""
STEP_SECONDS = 0.05
TURN_SECONDS, TURNS, MOST_SECONDS = 1e-4, 5, 0.05
"""The ways to a product take so many turns, fewer where these take longer than that."""

Way = tuple[int, int] | None
"""Rows and columns of the result that each call of `np.matmul` computes, a tile or the whole; None is one call of an array's own
`dot`, which has less to do before it begins, but fills the result with zeros first."""


class Layout(NamedTuple):
    """How the matrices of a step lie in memory: samples as columns or rows, kernels and their gradients (out, in) or (in, out)."""

    columns: bool
    out_first: bool

    def __str__(self) -> str:
        return f"samples as {'columns' if self.columns else 'rows'}, kernels {'(out, in)' if self.out_first else '(in, out)'}"


LAYOUTS = tuple(Layout(*each) for each in itertools.product((True, False), repeat=2))


class Product(NamedTuple):
    """`out` = `left` · `right`, as if samples were rows and kernels (in, out), however they lie in memory."""

    left: Array
    right: Array
    out: Array

    def column_share(self, number: int, count: int) -> Product:
        """What one of `count` threads computes of it: a share of the result's columns."""
        columns = self.out.shape[1]
        share = slice(columns * number // count, columns * (number + 1) // count)
        return Product(self.left, self.right[:, share], self.out[:, share])

    def by_rows(self) -> Product:
        """The same product, turned if its result lies by columns, since the BLAS is always called for one by rows."""
        turned = self.out.strides[0] < self.out.strides[1]
        return Product(self.right.T, self.left.T, self.out.T) if turned else self


@dataclass(frozen=True, eq=False)
class Plan:
    """A step: the tapes that are played side by side, and on how many threads the BLAS is meanwhile."""

    tapes: Sequence[Tape]
    blas_threads: int
    layout: Layout
    how: str = ""
    """In words, for the report: what there is to say beside the layout."""

    @contextmanager
    def ready(self) -> Iterator[Callable[[], Any]]:
        """The whole step as one call, to be made inside the block."""
        with blas_threads(self.blas_threads), Crew(len(self.tapes)) as crew:
            yield partial(play, *self.tapes) if len(self.tapes) == 1 else partial(crew.run, self.tapes)

    def quickest_seconds(self) -> float:
        """The time of the quickest step, of those that begin within `STEP_SECONDS`."""
        with self.ready() as step:
            return quickest_seconds(step, STEP_SECONDS)


class Planner:
    """Plans the steps of a task; what is found about products of one shape that lie the same way holds for all of them."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._kernels = cache(lambda layout: [_stored(each, layout.out_first, task.dtype) for each in task.weights[::2]])
        self._found: dict[Hashable, tuple[Way, float]] = {}

    def fastest_plan(self, rows: int) -> Plan:
        """The fastest for a step of so many rows. Each is made when its turn comes, so that no more than two have their arrays."""
        return min(self._plans(rows), key=Plan.quickest_seconds)

    def in_parts(self, rows: int, parts: int, threads: int, side_by_side: int = 1, layouts: Sequence[Layout] = LAYOUTS) -> Plan:
        """Each of the threads that run side by side takes its share of the batch in so many parts, on `threads` of the BLAS'."""
        shares = _shares(rows, side_by_side)
        layout, chosen = self._fastest_layout(partial(self.products, -(-shares[0] // parts)), threads, layouts)
        how = f", a batch in {parts * side_by_side} parts" if parts * side_by_side > 1 else ""
        how += f", on {side_by_side} threads side by side" if side_by_side > 1 else ""
        how += f", the BLAS on {threads} threads" if threads > 1 else ""
        return Plan([self._tape(share, parts, layout, chosen) for share in shares], threads, layout, how)

    def in_column_shares(self, rows: int, count: int) -> Plan:
        """Each of `count` threads has its columns of every result, and doesn't wait for the others before the next product."""

        def share(number: int, layout: Layout) -> list[Product]:
            return [product.column_share(number, count) for product in products(layout)]

        products = cache(partial(self.products, rows))
        layout, chosen = self._fastest_layout(partial(share, count - 1), 1)
        tapes = [_in_turn(share(number, layout), chosen) for number in range(count)]
        return Plan(tapes, 1, layout, f", each of {count} threads with its columns of every result")

    def products(self, rows: int, layout: Layout) -> list[Product]:
        """The products of a step of `rows` samples, in the order in which a network needs them."""
        kernels, dtype, rng = self._kernels(layout), self._task.dtype, np.random.default_rng(self._task.seed)

        def samples(size: int) -> Array:  # one random row again and again: a product takes the same time whatever its values
            return _stored(np.broadcast_to(rng.standard_normal(size), (rows, size)), layout.columns, dtype)

        sizes = [kernels[0].shape[0], *(kernel.shape[1] for kernel in kernels)]
        activations, deltas = ([samples(size) for size in sizes] for _ in range(2))
        forward, backward = [], []
        for number, kernel in enumerate(kernels):
            before, after, delta = activations[number], activations[number + 1], deltas[number + 1]
            forward.append(Product(before, kernel, after))
            down = [Product(delta, kernel.T, deltas[number])] if number else []
            backward.append([Product(before.T, delta, _stored(kernel, layout.out_first, dtype)), *down])
        return [*forward, *itertools.chain.from_iterable(reversed(backward))]

    def _plans(self, rows: int) -> Iterator[Plan]:
        count = self._task.threads
        for threads in sorted({1, count}):
            yield from (self.in_parts(rows, parts, threads) for parts in self._part_counts(rows))
        if 1 < count <= rows:
            yield from (self.in_parts(rows, parts, 1, count) for parts in self._part_counts(rows // count))
            yield self.in_column_shares(rows, count)

    def _part_counts(self, rows: int) -> list[int]:
        """How many parts are worth a try. Parts whose products are too large to be tiled never gained anything."""
        largest = max(kernel.size for kernel in self._task.weights[::2])
        return sorted({1} | {-(-rows // most) for most in PART_ROWS if most * largest <= LARGEST_TILED})

    def _tape(self, rows: int, parts: int, layout: Layout, chosen: Sequence[Way]) -> Tape:
        """The products of each part, one part after the other; parts of the same size have the same arrays."""
        tapes = {size: _in_turn(self.products(size, layout), chosen) for size in set(_shares(rows, parts))}
        return list(itertools.chain.from_iterable(tapes[size] for size in _shares(rows, parts)))

    def _fastest_layout(
        self, products: Callable[[Layout], list[Product]], threads: int, layouts: Sequence[Layout] = LAYOUTS
    ) -> tuple[Layout, list[Way]]:
        """The layout whose products take the least time, each in its fastest way, and these ways."""
        found = {layout: [self._fastest_way(product, threads) for product in products(layout)] for layout in layouts}
        layout = min(found, key=lambda each: sum(seconds for _, seconds in found[each]))
        return layout, [way for way, _ in found[layout]]

    def _fastest_way(self, product: Product, threads: int) -> tuple[Way, float]:
        """With more threads, tiles are left to what one thread is the fastest with: the BLAS takes no more for a small product."""
        key = threads, *((each.shape, each.strides) for each in product.by_rows())
        if key not in self._found:
            candidates = ways(product) if threads == 1 else [self._fastest_way(product, 1)[0], *ways(product, tiled=False)]
            with blas_threads(threads):
                self._found[key] = fastest_way(product, candidates)
        return self._found[key]


def fastest_way(product: Product, candidates: Sequence[Way]) -> tuple[Way, float]:
    """The one of `candidates` in which the product is the quickest, and its seconds."""
    tapes = {way: calls(product, way) for way in candidates}
    quickest = dict.fromkeys(tapes, float("inf"))
    end = perf_counter() + MOST_SECONDS
    for _ in range(TURNS):
        for way, tape in tapes.items():
            quickest[way] = min(quickest[way], quickest_seconds(partial(play, tape), TURN_SECONDS))
        if perf_counter() > end:
            break
    return min(quickest.items(), key=lambda item: item[1])


def ways(product: Product, tiled: bool = True) -> list[Way]:
    """All that are worth a try. A share of a matrix would be copied by `dot`."""
    left, right, out = product.by_rows()
    (rows, columns), length = out.shape, left.shape[1]
    found: list[Way] = [(rows, columns)]
    if left.flags.forc and right.flags.forc and out.flags.c_contiguous:
        found.append(None)
    if tiled and SMALL_PRODUCT < rows * columns * length <= LARGEST_TILED:
        for width in (columns, *(width for width in TILE_COLUMNS if width < columns)):
            small = SMALL_PRODUCT // (width * length)
            limits = [min(small, limit) for limit in (MOST_TILE_ROWS, SMALL_TURNED_RESULT // width)]
            heights = {rows} if small >= rows else set()
            for most in limits:
                heights |= {most // step * step for step in TILE_ROWS if most >= step}
                heights |= {_even(rows, most)} if most else set()
            found += [(height, width) for height in sorted(heights)]
    return found


def calls(product: Product, way: Way) -> Tape:
    """The product as calls without arguments."""
    left, right, out = product.by_rows()
    if way is None:
        return [partial(left.dot, right, out)]
    return in_tiles(left, right, out, *way)


def _even(rows: int, most: int) -> int:
    """The rows of each, if `rows` are taken in as few equal tiles as can be, with `most` rows at the most."""
    return -(-rows // -(-rows // most))


def quickest_seconds(call: Callable[[], Any], seconds: float) -> float:
    """The time of the quickest of the calls that begin within `seconds`, at least one."""
    quickest, start = float("inf"), perf_counter()
    end = start + seconds
    while True:
        call()
        now = perf_counter()
        quickest = min(quickest, now - start)
        if now >= end:
            return quickest
        start = perf_counter()


def _in_turn(products: Sequence[Product], chosen: Sequence[Way]) -> Tape:
    """Empty shares are left out."""
    return [call for product, way in zip(products, chosen, strict=True) if product.out.size for call in calls(product, way)]


def _stored(values: Array, by_columns: bool, dtype: str) -> Array:
    """`values` in memory that begins on a cache line, column after column or row after row."""
    array = empty(values.shape[::-1], dtype).T if by_columns else empty(values.shape, dtype)
    array[...] = values
    return array


def _shares(rows: int, count: int) -> list[int]:
    """`rows` in `count` shares, the longer ones first."""
    share, longer = divmod(rows, count)
    return [share + 1] * longer + [share] * (count - longer)
