"""The fastest way to one matrix product through NumPy's BLAS: how its matrices lie in memory, and in which tiles it is called.

Called by `floor_plans`, for each of a step's products. OpenBLAS has a kernel for small products (up to 1e6 multiplications, on CPUs
with AVX-512) that packs nothing beforehand. A larger product profits if its result is computed in tiles of that size: in float32
(512, 512)·(512, 8) takes 0.41 of the time, (1024, 1024)·(1024, 32) 0.69, (128, 128)·(128, 128) 0.79, (512, 512)·(512, 128) 0.90.
Where rows aren't whole vectors, gaps between them help: (50, 900)·(900, 50) takes 0.73 of the time of the best way without. How
large the tiles should be, and how the matrices should lie, follows no rule that held for two sizes, so it is measured. (The figures
are OpenBLAS 0.3.31's, on Sapphire Rapids.)
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from time import perf_counter
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import DTypeLike

from bench.contestants.base import Array
from numpy_nn.blas import SMALL_PRODUCT
from numpy_nn.tape import CACHE_LINE_BYTES, Tape, empty, play

Order = Literal["C", "F"]
Shape = tuple[int, int, int]
"""Rows and columns of a product's result, and the length of its sums."""
Stopwatch = Callable[[float], float]
"""Runs something again and again for so many seconds, at least once; returns the seconds of the quickest."""
Key = TypeVar("Key", bound=Hashable)

LARGEST_TILED = 1e8
"""Multiplications of a product beyond which packing is so small a part that tiles gain nothing: 1 % at (1024, 1024)·(1024, 128)."""
TILE_COLUMNS = (8, 32, 64, 128)
"""Besides all of the columns, and half of them."""
TILE_ROWS = (1, 4, 8, 16)
"""A tile has as many rows as leave it a small product, rounded down to a multiple of one of these."""

TURN_SECONDS = 1e-4
"""How long a product's ways are run in their first turns."""
TURNS = 3
LONGEST_ROUND = 200
"""First turns, after whose time a round ends with the turn that it is in."""


@dataclass(frozen=True)
class Matrix:
    """A matrix that can be had by rows ("C") or by columns ("F"), with a gap after each or without."""

    rows: int
    columns: int
    stored: Callable[[Order, bool], Array]
    """The array by its order and whether it has gaps; each is made when it is first asked for."""

    @property
    def T(self) -> Matrix:  # noqa: N802 (NumPy's own name for it)
        """The same memory, turned."""
        return Matrix(self.columns, self.rows, lambda order, gaps: self.stored("F" if order == "C" else "C", gaps).T)

    def column_share(self, number: int, count: int) -> Matrix:
        """The same memory: one of `count` shares of its columns."""
        share = slice(self.columns * number // count, self.columns * (number + 1) // count)
        return Matrix(self.rows, share.stop - share.start, lambda order, gaps: self.stored(order, gaps)[:, share])


def matrix(values: Array, dtype: DTypeLike) -> Matrix:
    """A matrix of `values`, beginning on a cache line; with gaps, each of its rows (or columns) does."""

    @cache
    def stored(order: Order, gaps: bool) -> Array:
        height, width = values.shape if order == "C" else values.shape[::-1]
        array = empty((height, _up(width, _vector(dtype)) if gaps else width), dtype)
        array = array[:, :width] if gaps else array
        array = array if order == "C" else array.T
        array[...] = values
        return array

    rows, columns = values.shape
    return Matrix(rows, columns, stored)


def random_matrix(rows: int, columns: int, dtype: DTypeLike) -> Matrix:
    """One random row again and again, since a product takes the same time whatever its values."""
    return matrix(np.broadcast_to(np.random.default_rng(0).standard_normal(columns), (rows, columns)), dtype)


class Product(NamedTuple):
    """`out` = `left` · `right`."""

    left: Matrix
    right: Matrix
    out: Matrix

    @property
    def shape(self) -> Shape:
        return self.out.rows, self.out.columns, self.left.columns

    @property
    def T(self) -> Product:  # noqa: N802
        """The same product, with its result turned."""
        return Product(self.right.T, self.left.T, self.out.T)

    def column_share(self, number: int, count: int) -> Product:
        """What one of `count` threads computes of it: a share of the result's columns."""
        return Product(self.left, self.right.column_share(number, count), self.out.column_share(number, count))


class Way(NamedTuple):
    """How a product is computed."""

    turned: bool
    """As `Product.T`, so that the result lies by columns: the BLAS is always called for a result by rows."""
    left: Order
    right: Order
    gaps: bool
    tile: tuple[int, int] | None
    """Rows and columns of the result that a call computes; None is all of it."""


def ways(shape: Shape, dtype: DTypeLike) -> Iterator[Way]:
    """All that are worth a try; those that are the same call as another are left out."""
    rows, columns, length = shape
    gaps = (False,) if all(size % _vector(dtype) == 0 for size in shape) else (False, True)
    for turned in (False,) if rows == columns else (False, True):
        height, width = (columns, rows) if turned else (rows, columns)
        tiles = (None, *sorted(_tiles(height, width, length)))
        for orders in itertools.product(_orders(height, length), _orders(length, width)):
            yield from (Way(turned, *orders, *rest) for rest in itertools.product(gaps, tiles))


def _orders(rows: int, columns: int) -> tuple[Order, ...]:
    return ("C", "F") if rows > 1 and columns > 1 else ("C",)


def _tiles(rows: int, columns: int, length: int) -> set[tuple[int, int]]:
    """The sizes of tiles that are small products, where the whole isn't one already."""
    if not SMALL_PRODUCT < rows * columns * length <= LARGEST_TILED:
        return set()
    widths = {columns, -(-columns // 2), *(width for width in TILE_COLUMNS if width < columns)}
    highest = {width: min(rows, SMALL_PRODUCT // (width * length)) for width in widths}
    return {(height // step * step, width) for width, height in highest.items() for step in TILE_ROWS if height >= step}


def calls(product: Product, way: Way) -> Tape:
    """The product as calls without arguments."""
    left, right, out = product.T if way.turned else product
    height, width = way.tile or (out.rows, out.columns)
    a, b, c = left.stored(way.left, way.gaps), right.stored(way.right, way.gaps), out.stored("C", way.gaps)
    corners = itertools.product(range(0, out.rows, height), range(0, out.columns, width))
    return [_call(a[i : i + height], b[:, j : j + width], c[i : i + height, j : j + width]) for i, j in corners]


def _call(left: Array, right: Array, out: Array) -> Callable[[], Any]:
    """An array's own `dot` costs 0.5 µs less than `np.matmul`, but would copy an array with gaps."""
    gapless = left.flags.forc and right.flags.forc and out.flags.c_contiguous
    return partial(left.dot, right, out) if gapless else partial(np.matmul, left, right, out)


def fastest_way(shape: Shape, dtype: DTypeLike, candidates: Iterable[Way]) -> Way:
    """Which of `candidates` is the fastest for a product of that shape, with as many threads as the BLAS has at the moment."""
    rows, columns, length = shape
    sizes = (rows, length), (length, columns), (rows, columns)
    product = Product(*(random_matrix(*size, dtype) for size in sizes))
    stopwatches = {way: partial(quickest_seconds, partial(play, calls(product, way))) for way in candidates}
    return fastest(stopwatches, TURN_SECONDS)


def fastest(stopwatches: Mapping[Key, Stopwatch], turn_seconds: float) -> Key:
    """Which is the quickest: they take turns, the quickest quarter stays and gets turns twice as long, until one is left."""
    left = list(stopwatches)
    while len(left) > 1:
        quickest = dict.fromkeys(left, float("inf"))
        end = perf_counter() + LONGEST_ROUND * turn_seconds
        for _ in range(TURNS):
            for key in left:
                quickest[key] = min(quickest[key], stopwatches[key](turn_seconds))
            if perf_counter() > end:
                break
        left = sorted(left, key=quickest.__getitem__)[: max(1, len(left) // 4)]
        turn_seconds *= 2
    return left[0]


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


def _vector(dtype: DTypeLike) -> int:
    """Numbers in a cache line, which are a vector."""
    return CACHE_LINE_BYTES // np.dtype(dtype).itemsize


def _up(number: int, divisor: int) -> int:
    """The next multiple of `divisor`."""
    return -(-number // divisor) * divisor
