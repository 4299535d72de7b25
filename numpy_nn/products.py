"""A matrix product as the calls that NumPy's BLAS is fastest with: one, or several that each fill a tile of the result.

OpenBLAS has a kernel for small products that packs nothing beforehand. A larger product whose right operand isn't too large is cut
into tiles small enough for it: measured in float32 on Sapphire Rapids with OpenBLAS 0.3.31, 512 × 512 by 512 × 8 takes 0.41 of the
time, 128 × 128 by 128 × 128 takes 0.81, and 1,024 × 1,024 by 1,024 × 32 takes 0.72. A tile has the whole of its sums, so there is
nothing to add up.

`a.dot` fills its result with zeros first, which a large result makes dear, and copies an operand that is a part of a matrix;
`np.matmul` does neither, but takes 0.4 µs longer a call, and has no BLAS for a sum of a single number.
"""

from __future__ import annotations

from functools import partial
from itertools import product as pairs

import numpy as np

from numpy_nn.blas import FEWEST_TO_SUM, SMALL_PRODUCT, SMALL_TURNED_RESULT, has_small_kernel
from numpy_nn.tape import Array, Tape

ZEROED_BYTES = 48 * 1024
"""Of a result, from which on `np.matmul` is faster: a core's first-level cache."""
WIDEST_TILE = 256
FEWEST_TILE_ROWS = 24
"""With fewer, a tile is more calls than product."""
ROW_MULTIPLE = 6
"""Rows that the kernel takes at once."""
LARGEST_RIGHT = 100_000
"""Numbers in the right operand, beyond which packing it is well spent: 512 × 128 is still faster in tiles, 1,024 × 128 isn't."""
MOST_TO_SUM, LARGEST_RESULT, WIDEST_RESULT = 3_000, 20_000, 64
"""Where both operands lie along the sum, the kernel takes small results only. Tiles of that size pay for long sums, as in a
kernel's gradient from many rows: 51 × 304 by 304 × 50 takes 0.69 of the time, 26 × 900 by 900 × 50 takes 0.58."""
LARGEST_ACROSS_BYTES, LARGEST_BESIDE_ACROSS = 1_000_000, 5_000
"""A left operand that lies across its sums and is larger than this, a tile reads in so many places that the cache can't hold
them; unless its right operand is tiny."""


def multiply(left: Array, right: Array, out: Array) -> Tape:
    """Operations that fill `out` (m, n) with `left` (m, k) · `right` (k, n), none of them with gaps."""
    rows, columns = _tile(left, right)
    if rows >= len(left) and columns >= right.shape[1]:
        zeros_are_dear = out.nbytes >= ZEROED_BYTES and min(*left.shape, right.shape[1]) > 1
        return [partial(np.matmul, left, right, out) if zeros_are_dear else partial(left.dot, right, out)]
    return [
        partial(np.matmul, left[i], right[:, j], out[i, j])
        for j, i in pairs(_slices(right.shape[1], columns), _slices(len(left), rows))
    ]


def _tile(left: Array, right: Array) -> tuple[int, int]:
    """Rows and columns of a tile of the result; the whole of it where tiles wouldn't pay."""
    (m, k), n = left.shape, right.shape[1]
    whole = m, n
    if min(m, k, n) == 1 or not has_small_kernel():
        return whole
    if _across(right):
        small = m * n <= SMALL_TURNED_RESULT and m * k * n <= SMALL_PRODUCT
        if small or not FEWEST_TO_SUM <= k <= MOST_TO_SUM or m * n > LARGEST_RESULT:
            return whole
        columns = n if n <= WIDEST_RESULT else WIDEST_RESULT // 2
        return max(1, min(SMALL_TURNED_RESULT, SMALL_PRODUCT // k) // columns), columns
    if m * k * n <= SMALL_PRODUCT:
        return whole
    scattered = _across(left) and left.nbytes > LARGEST_ACROSS_BYTES
    if k * n > (LARGEST_BESIDE_ACROSS if scattered else LARGEST_RIGHT):
        return whole
    columns = min(n, WIDEST_TILE)
    while columns > 1 and FEWEST_TILE_ROWS * k * columns > SMALL_PRODUCT:
        columns = -(-columns // 2)
    rows = SMALL_PRODUCT // (k * columns)
    return (m if rows >= m else max(rows // ROW_MULTIPLE, 1) * ROW_MULTIPLE), columns


def _across(matrix: Array) -> bool:
    """Whether neighbours in a column, rather than in a row, are neighbours in memory."""
    return matrix.strides[0] < matrix.strides[1]


def _slices(stop: int, step: int) -> list[slice]:
    return [slice(start, min(start + step, stop)) for start in range(0, stop, step)]
