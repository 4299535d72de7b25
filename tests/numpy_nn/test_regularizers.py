from typing import Any

import numpy as np
import pytest
from cases import ARCHITECTURE, moons, refused

from numpy_nn import SGD, Adam, Sequential, regularizers
from numpy_nn.callbacks import LambdaCallback
from numpy_nn.regularizers import L1, L1L2, L2, Regularizer

KERNEL = np.array([[1.0, -2.0], [0.5, 0.0]])


def regularized(regularizer: Any, **settings: Any) -> Sequential:
    """A network of three layers, whose first and last kernels have that regularizer."""
    first, second, last = ARCHITECTURE
    layers = [{**first, "kernel_regularizer": regularizer}, second, {**last, "kernel_regularizer": regularizer}]
    return Sequential(layers, seed=0, dtype="float64", **settings)


@pytest.mark.parametrize(
    ("regularizer", "penalty"), [(L1(0.1), 0.35), (L2(0.1), 0.525), (L1L2(0.1, 0.2), 0.35 + 1.05), (L1L2(), 0)]
)
def test_a_penalty_has_no_half(regularizer: Regularizer, penalty: float) -> None:
    assert regularizer(KERNEL) == pytest.approx(penalty, rel=1e-15)


@pytest.mark.parametrize(("name", "expected"), [("l2", L2()), ("L1", L1()), ("l1_l2", L1L2()), ("L1L2", L1L2()), (None, None)])
def test_a_regularizer_is_found_by_its_names(name: str | None, expected: Regularizer | None) -> None:
    assert regularizers.get(name) == expected


@pytest.mark.parametrize("regularizer", [L1(0.5), L2(), L1L2(0.5, 0.25)])
def test_a_regularizer_is_made_again_from_its_identifier(regularizer: Regularizer) -> None:
    assert regularizers.get(regularizer.identifier()) == regularizer
    assert regularizers.get(regularizer) is regularizer


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), "0.1", True, None])
def test_a_strength_below_0_is_refused(value: Any) -> None:
    with refused(f"l2 was {value!r}", "at least 0"):
        L2(value)


def test_an_unknown_regularizer_is_refused() -> None:
    with refused("architecture[0]['kernel_regularizer'] was 'l3'", "l1, l2, l1l2"):
        regularized("l3")


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("split_rows", [None, 4])
@pytest.mark.parametrize("regularizer", [L1(0.1), L2(0.1), L1L2(0.1, 0.2)], ids=repr)
def test_a_step_adds_the_penaltys_gradient_once(
    regularizer: Regularizer, split_rows: int | None, fused: bool, tune: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from numpy_nn._engine import minibatches
    from numpy_nn._engine.threads import WorkSplit

    if fused:
        tune(largest_stored_gradient_bytes=0, gradient_tile_bytes=8)
    if split_rows is not None:
        monkeypatch.setattr(minibatches, "split_minibatch", lambda *_: WorkSplit(split_rows, 2))
    x, y = moons(10)
    with_penalty, without = regularized(regularizer), Sequential(ARCHITECTURE, seed=0, dtype="float64")
    before = with_penalty.get_weights()
    for model in (with_penalty, without):
        model.compile(SGD(0.5), "binary_crossentropy")
        model.train_on_batch(x, y)
    for number, (one, other) in enumerate(zip(with_penalty.get_weights(), without.get_weights(), strict=True)):
        kernel = before[number]
        gradient = regularizer.l1 * np.sign(kernel) + 2 * regularizer.l2 * kernel if number in (0, 4) else 0 * kernel
        np.testing.assert_allclose(other - one, 0.5 * gradient, rtol=1e-12, atol=1e-14)


def test_the_reported_losses_have_the_penalty_of_before_each_step() -> None:
    x, y = moons(10)
    model, plain = regularized(L2(0.5)), Sequential(ARCHITECTURE, seed=0, dtype="float64")
    total = 0.0
    for start in (0, 4, 8):
        rows = slice(start, start + 4)
        plain.set_weights(model.get_weights())
        for each in (model, plain):
            each.compile("sgd", "binary_crossentropy")
        penalty = sum(L2(0.5)(model.get_weights()[number]) for number in (0, 4))
        losses = [np.ravel(list(_as_dict(each.evaluate(x[rows], y[rows])).values()))[0] for each in (model, plain)]
        assert losses[0] == pytest.approx(losses[1] + penalty, rel=1e-14)
        total += losses[0] * len(x[rows])
        model.train_on_batch(x[rows], y[rows])
    again = regularized(L2(0.5))
    again.compile("sgd", "binary_crossentropy")
    history = again.fit(x, y, batch_size=4, shuffle=False, verbose=0)
    assert history.history["loss"] == pytest.approx([total / 10], rel=1e-13)


def _as_dict(answer: Any) -> dict[str, float]:
    return answer if isinstance(answer, dict) else {"loss": float(answer)}


def test_a_penalty_may_be_divided_by_the_rows() -> None:
    class Alpha(L2):
        divided_by_rows = True

    x, y = moons(10)
    weights = []
    for regularizer in (Alpha(0.5), L2(0.05)):
        model = regularized(regularizer)
        model.compile(Adam(), "binary_crossentropy")
        history = model.fit(x, y, batch_size=10, epochs=3, shuffle=False, verbose=0)
        weights.append([*model.get_weights(), np.array(history.history["loss"])])
    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


@pytest.mark.parametrize("by_batch", [False, True])
def test_callbacks_of_an_evaluation_see_the_penalty(by_batch: bool) -> None:
    x, y = moons(10)
    model = regularized(L2(0.5))
    model.compile("sgd", "mse")
    seen: list[float] = []
    ends = LambdaCallback(on_test_end=lambda logs: seen.append(logs["loss"]))
    batches = LambdaCallback(on_test_batch_end=lambda _, logs: seen.append(logs["loss"]))
    loss = model.evaluate(x, y, batch_size=4, verbose=0, callbacks=[ends, batches] if by_batch else [ends])
    parts = [model.evaluate(x[:stop], y[:stop], verbose=0) for stop in (4, 8, 10)] if by_batch else []
    np.testing.assert_allclose(seen, [*parts, loss], rtol=1e-12)
    np.testing.assert_allclose(model.evaluate(x, y, verbose=0), loss, rtol=1e-12)
