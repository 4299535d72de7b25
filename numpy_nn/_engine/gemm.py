"""Matrix products (GEMM) as the calls that NumPy's BLAS computes fastest: one call, or one for all tiles of a size.

Called by `forward`, `backward` and `fused_update`. OpenBLAS has a kernel for small products that packs nothing beforehand. A larger
product is cut into tiles that are small enough for it, unless its operands are so large that packing pays. A tile contains the
whole of its sums, so nothing is added up afterwards. Tiles of one size are a stack for `np.matmul`, which computes them all without
returning to Python, so that another thread doesn't wait for Python's lock.

An operand is named as in BLAS: N as stored (a row's numbers are neighbours in memory), T transposed (a column's are). An NT
product, whose sums run along the memory of both operands, has a small kernel only for small results.

`a.dot` fills its result with zeros first and copies an operand that is part of a matrix; `np.matmul` does neither, but has more to
do before it begins, and calls no BLAS for a sum of a single number.
"""

from __future__ import annotations

from functools import partial
from itertools import product as pairs
from typing import NamedTuple

import numpy as np

from numpy_nn._engine import tuning
from numpy_nn._engine.arrays import Array
from numpy_nn._engine.program import Operation, Program


def record_product(left: Array, right: Array, out: Array) -> Program:
    """Operations that write `left` (m, k) · `right` (k, n) into `out` (m, n); each is contiguous along one axis at least."""
    rows, columns = _tile(left, right)
    if rows >= len(left) and columns >= right.shape[1]:
        copied = not (left.flags.forc and right.flags.forc and out.flags.c_contiguous)
        large = out.nbytes >= tuning.this_machine().largest_dot_result_bytes and min(*left.shape, right.shape[1]) > 1
        return [partial(np.matmul, left, right, out) if copied or large else partial(left.dot, right, out)]
    return record_tiles(left, right, out, rows, columns)


def record_tiles(left: Array, right: Array, out: Array, rows: int, columns: int) -> Program:
    """The same product in tiles of `rows` by `columns`, smaller ones at the edges."""
    return [
        _stack(left[i.all], right[:, j.all], out[i.all, j.all], i.tiles, j.tiles)
        for j, i in pairs(_runs(right.shape[1], columns), _runs(len(left), rows))
    ]


def transposing_pays(inputs: int, outputs: int, rows: int) -> bool:
    """Whether a transposed copy of a layer's delta makes its kernel's gradient faster: an NN product instead of an NT one."""
    t = tuning.this_machine()
    if inputs * outputs <= t.small_nt_result or rows < t.fewest_transposed_rows or not t.small_product:
        return False
    small = inputs * outputs * rows <= t.small_product and rows < t.fewest_nt_sum
    return t.transposed_inputs_share * inputs >= outputs and (small or rows <= t.most_transposed_rows)


class _Run(NamedTuple):
    """Neighbouring tiles of one size, along one axis."""

    all: slice
    tiles: int


def _runs(stop: int, size: int) -> list[_Run]:
    count = stop // size
    edge = count * size
    runs = [_Run(slice(0, edge), count), _Run(slice(edge, stop), 1)]
    return [run for run in runs if run.all.stop > run.all.start]


def _stack(left: Array, right: Array, out: Array, down: int, across: int) -> Operation:
    """One call that computes `down` by `across` tiles of `out`, all of one size."""
    if down == across == 1:
        return partial(np.matmul, left, right, out)
    length = len(right)
    return partial(
        np.matmul,
        left.reshape(1, down, -1, length),
        right.reshape(length, across, 1, -1).transpose(1, 2, 0, 3),
        out.reshape(down, len(left) // down, across, -1).transpose(2, 0, 1, 3),
    )


def _tile(left: Array, right: Array) -> tuple[int, int]:
    """Rows and columns of a tile of the result; those of the whole result where tiles don't pay."""
    t = tuning.this_machine()
    (m, k), n = left.shape, right.shape[1]
    whole = m, n
    if min(m, k, n) == 1 or not t.small_product:
        return whole
    if _is_transposed(right):
        small = m * n <= t.small_nt_result and m * k * n <= t.small_product
        long = k >= t.fewest_nt_sum and k * k >= 2 * m * n
        return _nt_tile(m, k, n) if long and not small and min(left.nbytes, right.nbytes) <= t.largest_nt_operand_bytes else whole
    if m * k * n <= t.small_product or (k * n > t.largest_tiled_right and k > t.short_sum):
        return whole
    if _is_transposed(left) and left.nbytes**2 * n > t.largest_transposed_left:
        return whole
    columns = min(n, _columns(k, t.fewest_tile_rows))
    rows = min(t.small_product // (k * columns), t.most_tile_rows)
    multiple = rows if rows == t.most_tile_rows else max(rows // t.tile_row_multiple, 1) * t.tile_row_multiple
    return (m if rows >= m else multiple), columns


def _nt_tile(m: int, k: int, n: int) -> tuple[int, int]:
    """Rows and columns of a tile of an NT product: of one size, if that can be."""
    t = tuning.this_machine()
    columns = -(-n // max(1, n // _columns(k, t.fewest_nt_tile_rows)))
    rows = max(1, min(t.small_nt_result, t.small_product // k) // columns)
    return -(-m // -(-m // rows)), columns


def _columns(length: int, fewest_rows: int) -> int:
    """Columns of a tile with sums of that length."""
    t = tuning.this_machine()
    return t.tile_columns if fewest_rows * t.tile_columns * length <= t.small_product else t.narrow_tile_columns


def _is_transposed(matrix: Array) -> bool:
    """Whether the numbers of a column, rather than of a row, are neighbours in memory."""
    return matrix.strides[0] < matrix.strides[1]
