import numpy as np
import pytest
from threadpoolctl import threadpool_info

from bench.contestants.floor import blas
from bench.contestants.floor.blas import limited_blas


def numpys_blas():
    """What threadpoolctl knows of NumPy's own OpenBLAS; None where it has another."""
    folder = np.__path__[0].rstrip("/\\")
    found = [info for info in threadpool_info() if info["internal_api"] == "openblas" and folder in info["filepath"]]
    return found[0] if len(found) == 1 else None


@pytest.mark.skipif(numpys_blas() is None, reason="NumPy's BLAS isn't the OpenBLAS of its wheels")
def test_the_blas_is_limited_inside_the_block_and_set_back_also_after_an_error():
    before = numpys_blas()["num_threads"]
    with limited_blas(before + 1):
        assert numpys_blas()["num_threads"] == before + 1
    with pytest.raises(ArithmeticError), limited_blas(before + 2):
        raise ArithmeticError("as asked")
    assert numpys_blas()["num_threads"] == before


def test_another_blas_is_left_alone(monkeypatch):
    monkeypatch.setattr(blas, "NAMES", ())
    blas._thread_functions.cache_clear()
    with limited_blas(3):
        assert blas._thread_functions()[0]() == 0
    blas._thread_functions.cache_clear()
