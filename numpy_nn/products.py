"""A matrix product as the calls that NumPy's BLAS is fastest with: one, or one for all tiles of the result that are of a size.

OpenBLAS has a kernel for small products that packs nothing beforehand. A larger product is cut into tiles small enough for it,
unless its operands are so large that packing is well spent. A tile has the whole of its sums, so there is nothing to add up. Tiles
of a size are a stack to `np.matmul`, which goes from one to the next without coming back to Python, so that another thread needn't
wait for Python's lock: two with layers of 128 units and 1,024 rows take 0.53 of the time that they take with a call for each tile.

Measured in float32 on Sapphire Rapids with OpenBLAS 0.3.31, against a single product: 512 × 512 by 512 × 8 takes 0.37 of the time,
128 × 128 by 128 × 512 takes 0.81, 1,024 × 1,024 by 1,024 × 32 takes 0.66, 32 × 33 by 33 × 4,096 takes 0.64.

`a.dot` fills its result with zeros first, which a large result makes dear, and copies an operand that is a part of a matrix;
`np.matmul` does neither, but takes 0.4 µs longer a call, and has no BLAS for a sum of a single number.
"""

from __future__ import annotations

from functools import partial
from itertools import product as pairs
from typing import NamedTuple

import numpy as np

from numpy_nn.blas import FEWEST_TO_SUM, SMALL_PRODUCT, SMALL_TURNED_RESULT, has_small_kernel
from numpy_nn.tape import Array, Operation, Tape

ZEROED_BYTES = 48 * 1024
"""Of a result, from which on `np.matmul` is faster: a core's first-level cache."""
TILE_COLUMNS = 64
NARROW_TILE_COLUMNS = 16
FEWEST_TILE_ROWS, FEWEST_TURNED_ROWS = 12, 16
"""Where a tile would have fewer, the second with both operands along the sum, it is a narrow one."""
MOST_TILE_ROWS = 64
ROW_MULTIPLE = 6
"""Rows that the kernel takes at once."""
LARGEST_RIGHT, SHORT_SUM = 250_000, 100
"""Numbers in the right operand, beyond which packing it is well spent, unless the sums are short: 512 × 256 takes 0.91 of the time
in tiles, 512 × 512 takes 1.06, 65 × 4,096 takes 0.81."""
LARGEST_ACROSS = 1.5e14
"""Squared bytes of a left operand that lies across its sums, times the columns beside it, up to which its tiles, which each read it
in many places, find it in the cache: 512 × 512 by 512 × 128, and 1,024 × 1,024 by 1,024 × 8."""
LARGEST_TURNED_BYTES = 1_100_000
"""Where both operands lie along the sum, the kernel takes small results only. Tiles of that size pay for long sums, if one of the
operands, this large at the most, stays in the cache, as in a kernel's gradient from many rows: 51 × 304 by 304 × 50 takes 0.54 of
the time, 26 × 4,096 by 4,096 × 25 takes 0.38, 3 × 1,024 by 1,024 × 1,024 takes 0.24; 257 × 256 by 256 × 256 would take 1.05."""


def multiply(left: Array, right: Array, out: Array) -> Tape:
    """Operations that fill `out` (m, n) with `left` (m, k) · `right` (k, n), each with neighbours along one axis at least."""
    rows, columns = _tile(left, right)
    if rows >= len(left) and columns >= right.shape[1]:
        copied = not (left.flags.forc and right.flags.forc and out.flags.c_contiguous)
        zeros_are_dear = out.nbytes >= ZEROED_BYTES and min(*left.shape, right.shape[1]) > 1
        return [partial(np.matmul, left, right, out) if copied or zeros_are_dear else partial(left.dot, right, out)]
    return in_tiles(left, right, out, rows, columns)


def in_tiles(left: Array, right: Array, out: Array, rows: int, columns: int) -> Tape:
    """The same, in tiles of so many rows and columns, and smaller ones at the edges."""
    return [
        _stack(left[i.all], right[:, j.all], out[i.all, j.all], i.tiles, j.tiles)
        for j, i in pairs(_runs(right.shape[1], columns), _runs(len(left), rows))
    ]


class _Run(NamedTuple):
    """Neighbouring tiles of a size, along one axis."""

    all: slice
    tiles: int


def _runs(stop: int, size: int) -> list[_Run]:
    count = stop // size
    edge = count * size
    runs = [_Run(slice(0, edge), count), _Run(slice(edge, stop), 1)]
    return [run for run in runs if run.all.stop > run.all.start]


def _stack(left: Array, right: Array, out: Array, down: int, along: int) -> Operation:
    """One call that fills `down` × `along` tiles of `out`, all of a size."""
    if down == along == 1:
        return partial(np.matmul, left, right, out)
    length = len(right)
    return partial(
        np.matmul,
        left.reshape(1, down, -1, length),
        right.reshape(length, along, 1, -1).transpose(1, 2, 0, 3),
        out.reshape(down, len(left) // down, along, -1).transpose(2, 0, 1, 3),
    )


def _tile(left: Array, right: Array) -> tuple[int, int]:
    """Rows and columns of a tile of the result; the whole of it where tiles wouldn't pay."""
    (m, k), n = left.shape, right.shape[1]
    whole = m, n
    if min(m, k, n) == 1 or not has_small_kernel():
        return whole
    if _across(right):
        small = m * n <= SMALL_TURNED_RESULT and m * k * n <= SMALL_PRODUCT
        long = k >= FEWEST_TO_SUM and k * k >= 2 * m * n
        return _turned_tile(m, k, n) if long and not small and min(left.nbytes, right.nbytes) <= LARGEST_TURNED_BYTES else whole
    if m * k * n <= SMALL_PRODUCT or (k * n > LARGEST_RIGHT and k > SHORT_SUM):
        return whole
    if _across(left) and left.nbytes**2 * n > LARGEST_ACROSS:
        return whole
    columns = min(n, _columns(k, FEWEST_TILE_ROWS))
    rows = min(SMALL_PRODUCT // (k * columns), MOST_TILE_ROWS)
    return (m if rows >= m else rows if rows == MOST_TILE_ROWS else max(rows // ROW_MULTIPLE, 1) * ROW_MULTIPLE), columns


def _turned_tile(m: int, k: int, n: int) -> tuple[int, int]:
    """Rows and columns of a tile where both operands lie along the sum: of one size, if that can be."""
    columns = -(-n // max(1, n // _columns(k, FEWEST_TURNED_ROWS)))
    rows = max(1, min(SMALL_TURNED_RESULT, SMALL_PRODUCT // k) // columns)
    return -(-m // -(-m // rows)), columns


def _columns(length: int, fewest_rows: int) -> int:
    """Of a tile with sums of that length."""
    return TILE_COLUMNS if fewest_rows * TILE_COLUMNS * length <= SMALL_PRODUCT else NARROW_TILE_COLUMNS


def _across(matrix: Array) -> bool:
    """Whether neighbours in a column, rather than in a row, are neighbours in memory."""
    return matrix.strides[0] < matrix.strides[1]
