"""What there is to know of NumPy's BLAS: how many threads it uses, and which products it is fast at.

Called by `threads` and `workspace`, which make the most of it, and by `batches` and `inference`. The figures are OpenBLAS', which
NumPy's wheels bring along; with another BLAS everything works, threads apart, and is only less well adapted.
"""

from __future__ import annotations

import ctypes
import importlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import product

from numpy_nn.architecture import LayerSpec

SMALL_PRODUCT = 1_000_000
"""Multiplications up to which OpenBLAS has a kernel for small products, on CPUs with AVX-512: it packs nothing beforehand."""
FEWEST_ROWS = 128
SMALL_TURNED_RESULT = 1_200
"""Numbers in a result up to which OpenBLAS takes its kernel for small products with both operands across, too."""
SMALLEST_TURNED_ROWS = 4
SMALLEST_THREADED = 2e8
"""Operations of a layer's product times the bytes of a number."""


def fastest_rows(layers: Sequence[LayerSpec], otherwise: int) -> int:
    """Rows up to which every product of `layers` is a small one; `otherwise` where so few would cost more calls than they save.

    Measured as `turning_pays`: a training step of 1,024 rows of the article's network, in three parts, takes 0.83 of the time, in
    float64 0.80; predictions of 20,000 rows take 0.73. With layers 32 wide, a training step takes two thirds.
    """
    rows = SMALL_PRODUCT // max(layer.parameter_count for layer in layers)
    return rows if rows >= FEWEST_ROWS else otherwise


def turning_pays(inputs: int, outputs: int, rows: int) -> bool:
    """Whether to copy a layer's delta, turned, before its kernel's gradient (inputs, outputs) is computed from so many rows.

    Measured with OpenBLAS 0.3.31 on Sapphire Rapids, 50 outputs, copy included: a gradient takes 0.85 times as long with 32 rows
    and 0.81 with 128, in float64 0.86 and 0.82; beyond the small products it would take 1.2 to 1.4 times as long.
    """
    return inputs * outputs > SMALL_TURNED_RESULT and inputs * outputs * rows <= SMALL_PRODUCT and rows >= SMALLEST_TURNED_ROWS


def threads_pay(layers: Sequence[LayerSpec], rows: int, itemsize: int) -> bool:
    """Whether OpenBLAS' own threads pay for the products of so many rows, of numbers of `itemsize` bytes.

    Its threads wait for one another by spinning, for as long as another process has their core: then smaller products, which gain
    little by them, were seen to take 40 to 200 times as long.
    """
    return 2 * rows * itemsize * sum(layer.parameter_count for layer in layers) / len(layers) >= SMALLEST_THREADED


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


@cache
def _thread_functions() -> tuple[Callable[[], int], Callable[[int], None]] | None:
    """OpenBLAS' calls to get and set its threads, found through NumPy's own extension module, which is linked to it."""
    extension = importlib.import_module("numpy._core._multiarray_umath")
    library = ctypes.CDLL(extension.__file__)
    for prefix, suffix in product(("scipy_openblas", "openblas"), ("64_", "")):
        names = [f"{prefix}_{verb}_num_threads{suffix}" for verb in ("get", "set")]
        if hasattr(library, names[1]):
            return library[names[0]], library[names[1]]
    return None


def has_openblas() -> bool:
    """Whether NumPy's BLAS is an OpenBLAS whose threads can be set."""
    return _thread_functions() is not None
