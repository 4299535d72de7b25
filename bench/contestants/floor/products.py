"""One matrix product: the ways to compute it with NumPy's BLAS, and which of them is the fastest.

Called by `plans`. OpenBLAS has kernels for small products, which don't pack their operands first. A larger product can be computed
in tiles of its result, each of which is a small product over the whole of its sums, so that nothing has to be added up. Tiles of
one size are a single call of `np.matmul` on a stack of them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from functools import partial
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from bench.contestants.base import Array
from bench.contestants.floor.threads import Program, run

SMALL_PRODUCT = 1_000_000
"""Multiplications up to which OpenBLAS takes its kernels for small products."""
SMALL_TRANSPOSED_RESULT = 1_200
"""Numbers in a result up to which it does so for a product of two transposed matrices as well."""
LARGEST_TILED = 1.5e8
"""Multiplications of a product beyond which tiles gain nothing: 4 % at (1024, 1024)·(1024, 128), none at (512, 512)·(512, 512)."""
TILE_COLUMNS = (256, 64, 16)
"""Besides all of the columns."""
TILE_ROWS = (6, 16)
"""A tile has as many rows as a small product allows, rounded down to a multiple of one of these, or rounded so that all tiles are
of one size."""
MOST_TILE_ROWS = 64
MEASURED_SECONDS, ROUNDS, MOST_SECONDS = 1e-4, 5, 0.05
"""In each round each way is measured for so long; there are fewer rounds where all of them take longer than the last figure."""
CACHE_LINE_BYTES = 64

Way = tuple[int, int] | None
"""Rows and columns of a tile, or of the whole result, for `np.matmul`. None is one call of an array's `dot`, which begins
sooner, but fills the result with zeros first."""


class Product(NamedTuple):
    """`out` = `left` · `right`."""

    left: Array
    right: Array
    out: Array

    def columns(self, number: int, count: int) -> Product:
        """Tile `number` of `count` that the columns of the result are divided into."""
        columns = self.out.shape[1]
        tile = slice(columns * number // count, columns * (number + 1) // count)
        return Product(self.left, self.right[:, tile], self.out[:, tile])

    def by_rows(self) -> Product:
        """The same product with a result that lies by rows in memory, as the BLAS is called for: transposed where it doesn't."""
        by_columns = self.out.strides[0] < self.out.strides[1]
        return Product(self.right.T, self.left.T, self.out.T) if by_columns else self


def fastest_way(product: Product, candidates: Sequence[Way]) -> tuple[Way, float]:
    """The one of `candidates` in which the product takes the least time, and its seconds."""
    programs = {way: program_of(product, way) for way in candidates}
    quickest = dict.fromkeys(programs, float("inf"))
    end = perf_counter() + MOST_SECONDS
    for _ in range(ROUNDS):
        for way, program in programs.items():
            quickest[way] = min(quickest[way], quickest_seconds(partial(run, program), MEASURED_SECONDS))
        if perf_counter() > end:
            break
    return min(quickest.items(), key=lambda item: item[1])


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


def ways(product: Product, tiled: bool = True) -> list[Way]:
    """All ways that are worth a try. `dot` is none where it would copy an operand, a tile of a larger matrix."""
    left, right, out = product.by_rows()
    (rows, columns), length = out.shape, left.shape[1]
    found: list[Way] = [(rows, columns)]
    if left.flags.forc and right.flags.forc and out.flags.c_contiguous:
        found.append(None)
    if tiled and SMALL_PRODUCT < rows * columns * length <= LARGEST_TILED:
        for width in (columns, *(width for width in TILE_COLUMNS if width < columns)):
            found += [(height, width) for height in sorted(_tile_heights(rows, width, length))]
    return found


def _tile_heights(rows: int, width: int, length: int) -> set[int]:
    """Rows of the tiles that are worth a try with so many columns."""
    small = SMALL_PRODUCT // (width * length)
    heights = {rows} if small >= rows else set()
    for most in (min(small, MOST_TILE_ROWS), min(small, SMALL_TRANSPOSED_RESULT // width)):
        heights |= {most // step * step for step in TILE_ROWS if most >= step}
        heights |= {-(-rows // -(-rows // most))} if most else set()  # as few tiles as can be, all of one size
    return heights


def program_of(product: Product, way: Way) -> Program:
    """The calls that compute the product in that way."""
    left, right, out = product.by_rows()
    if way is None:
        return [partial(left.dot, right, out)]
    rows, columns = way
    return [
        _tiles(left[down], right[:, along], out[down, along], tiles_down, tiles_along)
        for (along, tiles_along), (down, tiles_down) in itertools.product(_split(right.shape[1], columns), _split(len(left), rows))
    ]


def _split(size: int, tile: int) -> list[tuple[slice, int]]:
    """The tiles of an axis, as slices with the number of tiles in each: all the whole ones, and the smaller one at the end."""
    count, rest = divmod(size, tile)
    whole = [(slice(0, size - rest), count)] if count else []
    return [*whole, (slice(size - rest, size), 1)] if rest else whole


def _tiles(left: Array, right: Array, out: Array, down: int, along: int) -> Callable[[], Any]:
    """One call that computes `down` × `along` tiles of `out`, all of one size."""
    if down == along == 1:
        return partial(np.matmul, left, right, out)
    length = len(right)
    return partial(
        np.matmul,
        left.reshape(1, down, -1, length),
        right.reshape(length, along, 1, -1).transpose(1, 2, 0, 3),
        out.reshape(down, len(left) // down, along, -1).transpose(2, 0, 1, 3),
    )


def stored(values: Array, by_columns: bool, dtype: str) -> Array:
    """A copy of `values` that lies in memory by columns or by rows, from the beginning of a cache line on."""
    shape = values.shape[::-1] if by_columns else values.shape
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.empty(size + CACHE_LINE_BYTES, np.uint8)
    start = -memory.ctypes.data % CACHE_LINE_BYTES
    array = memory[start : start + size].view(dtype).reshape(shape)
    array = array.T if by_columns else array
    array[...] = values
    return array
