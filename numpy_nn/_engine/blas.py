"""NumPy's BLAS: its number of threads, and the family of its kernels.

Called by `tuning`, `threads`, `minibatches` and `prediction`. OpenBLAS, which NumPy's wheels contain, answers both; with another
BLAS everything works, but nothing is set or adapted.
"""

from __future__ import annotations

import ctypes
import importlib
import threading
from collections.abc import Callable
from functools import cache
from itertools import product
from typing import Any

_LOCK = threading.Lock()
_BEFORE: list[int] = []
"""For each block that a thread is in now, the number of threads before the first of them."""


class blas_threads:  # noqa: N801  # a context manager; a generator would take twice as long to enter
    """Limits NumPy's OpenBLAS to `count` threads inside the block; no effect where NumPy has another BLAS.

    Several threads may be in such blocks at once: the first sets the limit, and the last to leave puts back what was before.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._functions = _thread_functions()

    def __enter__(self) -> None:
        if self._functions is None:
            return
        get, set_ = self._functions
        with _LOCK:
            before = _BEFORE[0] if _BEFORE else get()
            if not _BEFORE and before != self._count:
                set_(self._count)
            _BEFORE.append(before)

    def __exit__(self, *_: object) -> None:
        if self._functions is None:
            return
        with _LOCK:
            before = _BEFORE.pop()
            if not _BEFORE and before != self._count:
                self._functions[1](before)


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
