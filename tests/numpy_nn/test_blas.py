import pytest

from numpy_nn import blas
from numpy_nn.blas import blas_threads, has_openblas, turning_pays

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


@pytest.mark.parametrize(
    ("inputs", "outputs", "rows", "pays"),
    [
        (51, 50, 32, True),
        (51, 50, 1, False),
        (25, 25, 32, False),
        (51, 50, 900, False),
        (51, 50, 255, True),
        (129, 128, 128, False),
        (513, 512, 8, True),
        (513, 512, 128, False),
        (3, 512, 32, False),
    ],
)
def test_deltas_are_turned_for_small_products_with_large_results(
    inputs: int, outputs: int, rows: int, pays: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blas, "has_small_kernel", lambda: True)
    assert turning_pays(inputs, outputs, rows) is pays


def test_nothing_is_adapted_to_a_small_kernel_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blas, "has_small_kernel", lambda: False)
    assert not turning_pays(51, 50, 32)


def test_an_unknown_blas_has_no_small_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blas, "_function", lambda name: None)
    assert blas.has_small_kernel.__wrapped__() is False
