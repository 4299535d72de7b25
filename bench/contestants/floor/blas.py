"""The number of threads of NumPy's OpenBLAS, set through its own functions.

Called by `plans`. Where NumPy has another BLAS, nothing is set, and the thread variables of the worker process decide.
"""

from __future__ import annotations

import ctypes
import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

NAMES = (
    "scipy_openblas_{}_num_threads64_",
    "scipy_openblas_{}_num_threads",
    "openblas_{}_num_threads64_",
    "openblas_{}_num_threads",
)
"""Of the functions: those of NumPy's wheels, then those of a system's OpenBLAS."""


@contextmanager
def limited_blas(threads: int) -> Iterator[None]:
    """Limit the BLAS to `threads` inside the block, and set it back after it."""
    get_threads, set_threads = _thread_functions()
    before = get_threads()
    if before == threads:
        yield
        return
    set_threads(threads)
    try:
        yield
    finally:
        set_threads(before)


@cache
def _thread_functions() -> tuple[Callable[[], int], Callable[[int], object]]:
    """OpenBLAS' functions that get and set its number of threads, found in NumPy's extension module, which is linked to it."""
    library = ctypes.CDLL(importlib.import_module("numpy._core._multiarray_umath").__file__)
    for name in NAMES:
        if hasattr(library, name.format("set")):
            return library[name.format("get")], library[name.format("set")]
    return (lambda: 0), (lambda _threads: None)
