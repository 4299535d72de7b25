"""NumPy's BLAS: its number of threads, and the family of its kernels.

Called by `tuning`, `threads`, `minibatches` and `prediction`. OpenBLAS, which NumPy's wheels contain, answers both; with another
BLAS everything works, but nothing is set or adapted.
"""

from __future__ import annotations

import ctypes
import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import product
from typing import Any


@contextmanager
def blas_threads(count: int) -> Iterator[None]:
    """Limit NumPy's OpenBLAS to `count` threads inside the block; no effect where NumPy has another BLAS."""
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


def core_name() -> str | None:
    """OpenBLAS' name of the CPU family that its kernels are for; None with another BLAS."""
    function = _function("get_corename")
    if function is None:
        return None
    function.restype = ctypes.c_char_p
    return bytes(function()).decode()


@cache
def _thread_functions() -> tuple[Callable[[], int], Callable[[int], None]] | None:
    """OpenBLAS' functions to get and set its number of threads."""
    get, set_ = _function("get_num_threads"), _function("set_num_threads")
    return None if get is None or set_ is None else (get, set_)


def _function(name: str) -> Any:
    """A function of OpenBLAS, found through the NumPy extension module that is linked to it; None if there is none."""
    extension = importlib.import_module("numpy._core._multiarray_umath")
    library = ctypes.CDLL(extension.__file__)
    for prefix, suffix in product(("scipy_openblas", "openblas"), ("64_", "")):
        if hasattr(library, f"{prefix}_{name}{suffix}"):
            return library[f"{prefix}_{name}{suffix}"]
    return None
