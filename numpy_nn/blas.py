"""What there is to know of NumPy's BLAS: how many threads it uses, and which products it is fast at.

Called by `products`, `workspace` and `threads`, which make the most of it, and by `batches` and `inference`. The figures are
OpenBLAS', which NumPy's wheels bring along; with another BLAS everything works, threads apart, and is only less well adapted.
"""

from __future__ import annotations

import ctypes
import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import product
from typing import Any

SMALL_KERNEL_CORES = (b"SkylakeX", b"Cooperlake", b"SapphireRapids")
"""OpenBLAS' names of its kernels for CPUs with AVX-512, AMD's among them."""
SMALL_PRODUCT = 1_000_000
"""Multiplications up to which these have a kernel for small products: it packs nothing beforehand."""
SMALL_TURNED_RESULT = 1_200
"""Numbers in a result up to which OpenBLAS takes its kernel for small products with both operands across, too."""
SMALLEST_TURNED_ROWS = 4
MOST_TURNED_ROWS = 32
"""Beyond the small products."""
FEWEST_TO_SUM = 256
"""Rows from which on tiles with small results are faster than a turned copy (`products`)."""
TURNED_SHARE = 4
"""Of the outputs, what there must be of inputs: the copy is as large as the outputs, the product as both together."""


def turning_pays(inputs: int, outputs: int, rows: int) -> bool:
    """Whether to copy a layer's delta, turned, before its kernel's gradient (inputs, outputs) is computed from so many rows.

    Measured with OpenBLAS 0.3.31 on Sapphire Rapids, 50 outputs, copy included: a gradient takes 0.85 times as long with 32 rows
    and 0.81 with 128, in float64 0.86 and 0.82; of 512 × 512, in tiles, 0.67 with 8 rows and 0.91 with 32. Beyond these it would
    take up to 1.4 times as long, and so it would with few inputs, for which the copy is more work than the product.
    """
    if inputs * outputs <= SMALL_TURNED_RESULT or rows < SMALLEST_TURNED_ROWS or not has_small_kernel():
        return False
    small = inputs * outputs * rows <= SMALL_PRODUCT and rows < FEWEST_TO_SUM
    return TURNED_SHARE * inputs >= outputs and (small or rows <= MOST_TURNED_ROWS)


@contextmanager
def blas_threads(count: int) -> Iterator[None]:
    """NumPy's OpenBLAS kept to `count` threads inside the block; without effect where NumPy has another BLAS."""
    functions = _thread_functions()
    if functions is None:
        yield
        return
    get, set_ = functions
    before = get()
    if before == count:
        yield
        return
    set_(count)
    try:
        yield
    finally:
        set_(before)


def has_openblas() -> bool:
    """Whether NumPy's BLAS is an OpenBLAS whose threads can be set."""
    return _thread_functions() is not None


@cache
def has_small_kernel() -> bool:
    """Whether NumPy's OpenBLAS runs kernels of a family that has one for small products."""
    name = _function("get_corename")
    if name is None:
        return False
    name.restype = ctypes.c_char_p
    return name() in SMALL_KERNEL_CORES


@cache
def _thread_functions() -> tuple[Callable[[], int], Callable[[int], None]] | None:
    """OpenBLAS' calls to get and set its threads."""
    get, set_ = _function("get_num_threads"), _function("set_num_threads")
    return None if get is None or set_ is None else (get, set_)


def _function(name: str) -> Any:
    """A function of OpenBLAS', found through NumPy's own extension module, which is linked to it; None if there is none."""
    extension = importlib.import_module("numpy._core._multiarray_umath")
    library = ctypes.CDLL(extension.__file__)
    for prefix, suffix in product(("scipy_openblas", "openblas"), ("64_", "")):
        if hasattr(library, f"{prefix}_{name}{suffix}"):
            return library[f"{prefix}_{name}{suffix}"]
    return None
