"""One model in several threads: any number predict and evaluate, one trains."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from cases import ARTICLE, moons, refused

from numpy_nn import Callback, Sequential
from numpy_nn._engine import blas
from numpy_nn._engine.blas import blas_threads, has_openblas

THREADS = 16
SIZES = [1, 1, 2, 3, 31, 32, 33, 100, 257, 1000, 1, 1]
X, Y = moons(1000, dtype="float32")


@pytest.fixture
def model() -> Sequential:
    model = Sequential(ARTICLE, seed=1)
    model.compile("adam", "binary_crossentropy", ["accuracy"])
    return model


def test_ten_thousand_answers_of_sixteen_threads_are_right(model: Sequential) -> None:
    right = model.predict(X)
    x = np.concatenate([X, X])

    def answer(number: int) -> bool:
        start, size = number % len(X), SIZES[number % len(SIZES)]
        expected = right[np.arange(start, start + size) % len(X)]
        return np.allclose(model.predict(x[start : start + size]), expected, rtol=1e-5, atol=1e-6)

    with ThreadPoolExecutor(THREADS) as pool:
        wrong = [number for number, is_right in enumerate(pool.map(answer, range(10_000), chunksize=50)) if not is_right]
    assert not wrong


def test_threads_evaluate_while_others_predict(model: Sequential) -> None:
    expected, outputs = model.evaluate(X, Y, verbose=0), model.predict(X)

    def work(number: int) -> bool:
        if number % 2:
            return bool(np.array_equal(model.predict(X), outputs))
        return model.evaluate(X, Y, verbose=0) == expected

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(200)))


def test_the_buffers_of_many_threads_are_not_kept_for_ever() -> None:
    model = Sequential(ARTICLE, seed=1, threads=2)
    together = threading.Barrier(8)

    def work(_: int) -> None:
        together.wait()
        for _ in range(20):
            model.predict(X)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert 1 <= len(model._prediction._idle) <= 2


def in_another_thread(action: Callable[[], Any]) -> Any:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(action).result()


@pytest.mark.parametrize(
    "action",
    [
        lambda model: model.fit(X, Y, verbose=0),
        lambda model: model.train_on_batch(X, Y),
        lambda model: model.compile("sgd", "mse"),
    ],
    ids=["fit", "train_on_batch", "compile"],
)
def test_a_second_thread_that_trains_is_refused_and_changes_nothing(action: Callable[[Sequential], Any], model: Sequential) -> None:
    class Meanwhile(Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            before = model.get_weights(), model.optimizer
            with refused("the model is being trained by another thread", error=RuntimeError):
                in_another_thread(lambda: action(model))
            np.testing.assert_array_equal(model.get_weights()[0], before[0][0])
            assert model.optimizer is before[1]
            in_another_thread(lambda: model.predict(X))

    model.fit(X, Y, epochs=2, callbacks=[Meanwhile()], verbose=0)
    in_another_thread(lambda: action(model))  # afterwards any thread may train


def test_a_callback_may_train_a_step_itself(model: Sequential) -> None:
    class Step(Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            model.train_on_batch(X, Y)

    model.fit(X, Y, epochs=2, batch_size=500, callbacks=[Step()], verbose=0)
    assert model.optimizer is not None
    assert model.optimizer.iterations == 6


@pytest.mark.skipif(not has_openblas(), reason="NumPy has another BLAS, whose threads are left alone")
def test_the_last_thread_to_leave_puts_the_threads_of_the_blas_back() -> None:
    get, set_ = blas._thread_functions()  # type: ignore[misc]
    before = get()
    set_(2)
    try:
        first, second = blas_threads(1), blas_threads(1)
        first.__enter__()
        second.__enter__()
        first.__exit__()
        assert get() == 1
        second.__exit__()
        assert get() == 2
    finally:
        set_(before)
