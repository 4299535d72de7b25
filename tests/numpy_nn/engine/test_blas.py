import pytest

from numpy_nn._engine import blas
from numpy_nn._engine.blas import blas_threads, has_openblas

needs_openblas = pytest.mark.skipif(not has_openblas(), reason="NumPy has another BLAS, whose threads are left alone")


@needs_openblas
def test_blas_threads_are_put_back_also_after_an_error() -> None:
    get, _ = blas._thread_functions()  # type: ignore[misc]
    before = get()
    inside: list[int] = []
    with blas_threads(1):
        inside.append(get())
    with pytest.raises(ArithmeticError), blas_threads(before + 1):
        raise ArithmeticError("as asked")
    assert (inside, get()) == ([1], before)


def test_the_threads_of_another_blas_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blas, "_thread_functions", lambda: None)
    assert not has_openblas()
    with blas_threads(3):
        pass


def test_an_unknown_blas_names_no_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blas, "_function", lambda name: None)
    assert blas.core_name() is None


@needs_openblas
def test_openblas_names_its_core() -> None:
    assert blas.core_name()
