import copy
import pickle
from types import ModuleType
from typing import Any

import numpy as np
import oracle
import pytest
from cases import refused
from hypothesis import given
from hypothesis import strategies as st

from numpy_nn import SGD, Adagrad, Adam, AdamW, RMSprop, optimizers
from numpy_nn._engine.program import Program, run
from numpy_nn.optimizers import Optimizer
from numpy_nn.schedules import CosineDecay, ExponentialDecay, PiecewiseConstantDecay

# Keras passes all but the learning rate through float32: dyadic values survive that.
DYADIC: list[Optimizer] = [
    SGD(0.25),
    SGD(0.25, momentum=0.75),
    SGD(0.25, momentum=0.75, nesterov=True),
    Adam(0.125, beta_1=0.5, beta_2=0.75, epsilon=2**-20),
    AdamW(0.125, weight_decay=0.25, beta_1=0.5, beta_2=0.75, epsilon=2**-20),
    RMSprop(0.125, rho=0.75, epsilon=2**-20),
    SGD(0.25, weight_decay=0.25, clipvalue=0.5),
    SGD(ExponentialDecay(0.25, 4, 0.5), momentum=0.75),
    Adam(CosineDecay(0.125, 16), beta_1=0.5, beta_2=0.75, epsilon=2**-20, amsgrad=True, weight_decay=0.25),
    RMSprop(0.125, rho=0.75, momentum=0.5, epsilon=2**-10),
    RMSprop(0.125, rho=0.75, epsilon=2**-10, centered=True),
    Adagrad(0.125, initial_accumulator_value=0.25, epsilon=2**-20, clipvalue=0.5),
]
FADING = [optimizer for optimizer in DYADIC if optimizer.decaying and (not isinstance(optimizer, SGD) or optimizer.momentum)]
"""Those in whose state gradients decay."""


def prepare(optimizer: Optimizer, weights: np.ndarray) -> tuple[np.ndarray, Program]:
    """The gradient to be filled, and what updates `weights` from it."""
    optimizer.build(weights.size, weights.dtype)
    gradient = np.empty_like(weights)
    return gradient, [*optimizer.record_begin(), *optimizer.record_update(weights, gradient)]


def update(optimizer: Optimizer, weights: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """`weights` after as many updates as there are gradients."""
    weights = weights.copy()
    gradient, program = prepare(optimizer, weights)
    optimizer.refresh()
    for values in gradients:
        gradient[:] = values * optimizer.gradient_factor
        run(program)
        optimizer.iterations += 1
    return weights


@pytest.mark.parametrize("optimizer", DYADIC, ids=repr)
def test_updates_are_keras_own(optimizer: Optimizer, keras64: ModuleType) -> None:
    generator = np.random.default_rng(0)
    weights, gradients = generator.normal(size=7), generator.normal(size=(20, 7))
    variable = keras64.Variable(weights)
    config = optimizer.get_config()
    if optimizer.schedule is not None:
        schedule = getattr(keras64.optimizers.schedules, optimizer.schedule.name)
        config["learning_rate"] = schedule(**optimizer.schedule.get_config())
    theirs = getattr(keras64.optimizers, type(optimizer).__name__)(**config)
    for gradient in gradients:
        theirs.apply([keras64.ops.convert_to_tensor(gradient)], [variable])
    rtol = 1e-12 if optimizer.schedule is None else 1e-6  # Keras computes a schedule in float32
    np.testing.assert_allclose(update(optimizer, weights, gradients), variable.numpy(), rtol=rtol)


@pytest.mark.parametrize("optimizer", DYADIC, ids=repr)
def test_a_vector_may_be_updated_part_by_part(optimizer: Optimizer) -> None:
    generator = np.random.default_rng(0)
    start, gradients = generator.normal(size=7), generator.normal(size=(3, 7))
    whole = update(optimizer, start, gradients)
    optimizer.build(7, start.dtype)
    weights, gradient = start.copy(), np.empty(7)
    parts = slice(0, 4), slice(4, 7)
    program = [
        *optimizer.record_begin(),
        *(step for part in parts for step in optimizer.record_update(weights[part], gradient[part], part)),
    ]
    optimizer.refresh()
    for values in gradients:
        gradient[:] = values * optimizer.gradient_factor
        run(program)
        optimizer.iterations += 1
    np.testing.assert_array_equal(weights, whole)


@pytest.mark.parametrize("cls", [SGD, Adam, AdamW, RMSprop, Adagrad])
def test_defaults_are_keras_own(cls: type[Optimizer], keras64: ModuleType) -> None:
    config = keras64.optimizers.get(cls.name).get_config()
    for name, value in cls().get_config().items():  # type: ignore[call-arg]  # all have a default
        assert value is config[name] or config[name] == pytest.approx(value, rel=1e-6), name


SETTINGS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "sgd": st.fixed_dictionaries({"momentum": st.floats(0, 0.99), "nesterov": st.booleans()}),
    "adam": st.fixed_dictionaries({"beta_1": st.floats(0, 0.99), "beta_2": st.floats(0, 0.999), "epsilon": st.floats(1e-7, 1)}),
    "adamw": st.fixed_dictionaries({"weight_decay": st.floats(0, 0.99), "beta_1": st.floats(0, 0.99)}),
    "rmsprop": st.fixed_dictionaries(
        {"rho": st.floats(0, 0.99), "momentum": st.floats(0, 0.99), "epsilon": st.floats(1e-3, 1), "centered": st.booleans()}
    ),
    "adagrad": st.fixed_dictionaries({"initial_accumulator_value": st.floats(0, 1), "clipvalue": st.floats(0.1, 2)}),
}


@given(data=st.data(), name=st.sampled_from(sorted(SETTINGS)), rate=st.floats(1e-4, 1), seed=st.integers(0, 2**32 - 1))
def test_updates_are_the_oracles_for_any_settings(data: st.DataObject, name: str, rate: float, seed: int) -> None:
    settings = {"learning_rate": rate, **data.draw(SETTINGS[name])}
    generator = np.random.default_rng(seed)
    expected, gradients = generator.normal(size=5), generator.normal(size=(4, 5))
    actual = update(optimizers.OPTIMIZERS[name](**settings), expected, gradients)
    rule = oracle.make_update(name, **settings)
    for gradient in gradients:
        (expected,) = rule([expected], [gradient])
    np.testing.assert_allclose(actual, expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("optimizer", [SGD(1.0, momentum=0.5), Adam(1.0), AdamW(1.0), RMSprop(1.0)], ids=repr)
def test_a_new_build_forgets_all_state(optimizer: Optimizer) -> None:
    weights, gradients = np.zeros(3), np.random.default_rng(1).normal(size=(5, 3))
    first = update(optimizer, weights, gradients)
    np.testing.assert_array_equal(update(optimizer, weights, gradients), first)


@pytest.mark.parametrize("optimizer", [SGD(1.0), SGD(1.0, momentum=0.5), Adam(1.0), AdamW(1.0), RMSprop(1.0)], ids=repr)
def test_a_learning_rate_set_between_epochs_holds_from_then_on(optimizer: Optimizer) -> None:
    weights = np.ones(3)
    gradient, program = prepare(optimizer, weights)
    steps = []
    for rate in (1.0, 2.0**-20):
        optimizer.learning_rate = rate
        optimizer.refresh()
        before = weights.copy()
        gradient[:] = optimizer.gradient_factor
        run(program)
        steps.append(np.abs(weights - before).max())
    momentum_left = 0.5 if isinstance(optimizer, SGD) and optimizer.momentum else 1e-5
    assert 0 < steps[1] <= 1.1 * momentum_left * steps[0]


def subnormal(values: np.ndarray) -> np.ndarray:
    return (values != 0) & (np.abs(values) < np.finfo(values.dtype).tiny)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("optimizer", FADING, ids=repr)
def test_what_fades_is_zero_instead_of_subnormal(optimizer: Optimizer, dtype: type) -> None:
    weights = np.zeros(3, dtype)
    gradient, program = prepare(optimizer, weights)
    gradient[:] = 1
    run(program)
    flush = optimizer.record_flush()
    for step in range(4000):
        gradient[:] = 0
        run(program)
        if step % 16 == 0:
            run(flush)
        assert not any(subnormal(array).any() for array in optimizer.state())
    assert not any(array.any() for array in optimizer.state())


def test_without_a_flush_it_would_stay_subnormal() -> None:
    optimizer = Adam()
    gradient, program = prepare(optimizer, np.zeros(1, np.float32))
    gradient[:] = 1
    for _ in range(2000):
        run(program)
        gradient[:] = 0
    assert subnormal(optimizer.state()[0]).all()


@given(exponents=st.lists(st.floats(-44, 5), min_size=1), seed=st.integers(0, 2**32 - 1))
def test_a_flush_loses_less_than_the_rounding_of_epsilon(exponents: list[float], seed: int) -> None:
    optimizer = Adam()
    optimizer.build(len(exponents), np.dtype(np.float32))
    signs = np.random.default_rng(seed).choice([-1, 1], len(exponents))
    before = (signs * 10.0 ** np.array(exponents)).astype(np.float32)
    for array in optimizer.state():
        array[:] = before
    run(optimizer.record_flush())
    for array in optimizer.state():
        np.testing.assert_allclose(array, before, rtol=np.finfo(np.float32).eps, atol=1e-32)
        np.testing.assert_array_equal(array[np.abs(before) > 1e-17], before[np.abs(before) > 1e-17])


@pytest.mark.parametrize("optimizer", DYADIC, ids=repr)
def test_the_config_makes_the_optimizer_again(optimizer: Optimizer) -> None:
    assert repr(type(optimizer)(**optimizer.get_config())) == repr(optimizer)
    assert repr(SGD()) == "SGD(learning_rate=0.01, momentum=0.0, nesterov=False)"
    assert optimizers.get({"class_name": optimizer.name, "config": optimizer.get_config()}).get_config() == optimizer.get_config()


@pytest.mark.parametrize("cls", [SGD, Adam, AdamW, RMSprop, Adagrad])
@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), "0.1", None, True])
def test_a_learning_rate_below_0_is_refused_when_it_is_given_or_set(cls: Any, value: Any) -> None:
    with refused(f"learning_rate was {value!r}", "a finite number of at least 0"):
        cls(learning_rate=value)
    optimizer = cls()
    with refused(f"learning_rate was {value!r}", "a finite number of at least 0"):
        optimizer.learning_rate = value
    assert optimizer.learning_rate == cls().learning_rate


@pytest.mark.parametrize(
    ("cls", "name"),
    [(SGD, "momentum"), (Adam, "beta_1"), (Adam, "beta_2"), (AdamW, "weight_decay"), (AdamW, "beta_1"), (RMSprop, "rho")],
)
@pytest.mark.parametrize("value", [1.0, -0.1, float("nan"), "0.5", None, False])
def test_a_share_outside_0_to_1_is_refused(cls: Any, name: str, value: Any) -> None:
    with refused(f"{name} was {value!r}", "at least 0 and below 1"):
        cls(**{name: value})


@pytest.mark.parametrize("cls", [Adam, AdamW, RMSprop])
def test_an_epsilon_that_is_not_positive_is_refused(cls: Any) -> None:
    with refused("epsilon was 0", "a finite, positive number"):
        cls(epsilon=0)


@pytest.mark.parametrize("cls", [SGD, Adam, RMSprop, Adagrad])
def test_one_kind_of_clipping_at_most(cls: Any) -> None:
    with refused("Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set", "1.0, None and 2.0"):
        cls(clipnorm=1.0, global_clipnorm=2.0)
    with refused("clipvalue was -1", "a finite, positive number"):
        cls(clipvalue=-1)


@pytest.mark.parametrize(
    ("optimizer", "name", "value"),
    [
        (SGD(momentum=0.5), "momentum", -5),
        (Adam(), "beta_1", float("nan")),
        (RMSprop(), "rho", 1.0),
        (AdamW(), "weight_decay", None),
        (Adagrad(), "epsilon", 0),
        (SGD(clipnorm=1.0), "clipnorm", float("inf")),
    ],
    ids=str,
)
def test_a_senseless_setting_is_refused_when_it_is_set(optimizer: Optimizer, name: str, value: Any) -> None:
    before = optimizer.get_config()
    with refused(f"{name} was {value!r}"):
        setattr(optimizer, name, value)
    assert optimizer.get_config() == before


CHANGES: list[tuple[Optimizer, dict[str, float]]] = [
    (SGD(0.25), {"learning_rate": 0.5}),
    (SGD(0.25, momentum=0.75), {"learning_rate": 0.5, "momentum": 0.25}),
    (SGD(0.25, weight_decay=0.25, clipvalue=0.5), {"learning_rate": 0.5, "weight_decay": 0.5, "clipvalue": 0.1}),
    (Adam(0.125), {"learning_rate": 0.5, "beta_1": 0.5, "beta_2": 0.5, "epsilon": 0.1}),
    (AdamW(0.125), {"learning_rate": 0.5, "weight_decay": 0.5}),
    (RMSprop(0.125, momentum=0.5), {"learning_rate": 0.5, "rho": 0.5, "epsilon": 0.1, "momentum": 0.1}),
    (Adagrad(0.125), {"learning_rate": 0.5, "epsilon": 0.1}),
]


@pytest.mark.parametrize(("optimizer", "changes"), CHANGES, ids=repr)
def test_whatever_is_set_counts_from_the_next_step(optimizer: Optimizer, changes: dict[str, float]) -> None:
    for name, value in changes.items():
        optimizer = type(optimizer)(**optimizer.get_config())
        changed = type(optimizer)(**{**optimizer.get_config(), name: value})
        weights, programs = [], []
        for each in (optimizer, changed):
            array = np.linspace(-1, 1, 5)
            gradient, program = prepare(each, array)
            weights.append(array)
            programs.append((each, gradient, program))
        assert not optimizer.changed
        setattr(optimizer, name, value)
        assert optimizer.changed
        optimizer.refresh()
        for each, gradient, program in programs:
            gradient[:] = np.arange(5) * each.gradient_factor
            run(program)
        np.testing.assert_array_equal(weights[0], weights[1], err_msg=name)
        assert (weights[0] != np.linspace(-1, 1, 5)).any()


@pytest.mark.parametrize(("name", "value"), [("momentum", 0.9), ("weight_decay", 0.1), ("clipnorm", 1.0)])
def test_what_the_recorded_steps_leave_out_can_not_be_switched_on(name: str, value: float) -> None:
    optimizer = SGD()
    setattr(optimizer, name, value)
    setattr(optimizer, name, 0.0 if name != "clipnorm" else None)
    optimizer.build(3, np.dtype("float64"))
    with refused(f"{name} was {value}", "compile again"):
        setattr(optimizer, name, value)


@pytest.mark.parametrize("optimizer", DYADIC, ids=repr)
def test_state_that_is_handed_over_goes_on_to_the_bit(optimizer: Optimizer) -> None:
    generator = np.random.default_rng(0)
    weights, gradients = generator.normal(size=7), generator.normal(size=(6, 7))
    whole = update(optimizer, weights, gradients)
    half = update(optimizer, weights, gradients[:3])
    state = optimizer.get_state()
    assert state["iterations"] == 3
    other = type(optimizer)(**optimizer.get_config())
    gradient, program = prepare(other, half)
    other.set_state(state)
    other.refresh()
    for values in gradients[3:]:
        gradient[:] = values * other.gradient_factor
        run(program)
        other.iterations += 1
    np.testing.assert_array_equal(half, whole)


def test_state_that_does_not_fit_is_refused_and_nothing_changed() -> None:
    optimizer = Adam()
    optimizer.build(3, np.dtype("float32"))
    before = {name: value.tolist() for name, value in optimizer.get_state().items()}
    state = optimizer.get_state()
    for wrong in (
        {"iterations": 1},
        {**state, "momentum": np.zeros(4)},
        {**state, "velocity": np.full(3, np.nan)},
        {**state, "velocity": np.array(["a", "b", "c"])},
        {**state, "iterations": -1},
        {**state, "iterations": 0.5},
    ):
        with refused("state"):
            optimizer.set_state(wrong)
    assert {name: value.tolist() for name, value in optimizer.get_state().items()} == before


def test_an_optimizer_serves_one_model_at_a_time() -> None:
    optimizer, owners = Adam(), [np.zeros(3), np.zeros(3)]
    optimizer.build(3, np.dtype("float64"), owners[0])
    optimizer.build(3, np.dtype("float64"), owners[0])
    with refused("optimizer was Adam(", "another model", "one of its own"):
        optimizer.build(3, np.dtype("float64"), owners[1])
    copy.deepcopy(optimizer).build(3, np.dtype("float64"), owners[1])
    pickle.loads(pickle.dumps(optimizer)).build(3, np.dtype("float64"), owners[1])


def test_an_optimizer_is_free_when_its_model_is_gone() -> None:
    optimizer, owner = Adam(), np.zeros(3)
    optimizer.build(3, np.dtype("float64"), owner)
    optimizer.iterations = 7
    del owner
    optimizer.build(3, np.dtype("float64"), np.zeros(3))
    assert optimizer.iterations == 0, "its state was the other model's"


def test_a_schedules_learning_rate_is_that_of_the_next_step_and_can_not_be_set() -> None:
    optimizer = SGD(PiecewiseConstantDecay([0, 1], [0.5, 0.25, 0.125]))
    assert optimizer.learning_rate == 0.5
    update(optimizer, np.zeros(2), np.ones((2, 2)))
    assert optimizer.iterations == 2
    assert optimizer.learning_rate == 0.125
    with refused("learning_rate was 0.1", "schedule", error=TypeError):
        optimizer.learning_rate = 0.1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("optimizer", DYADIC, ids=repr)
def test_large_gradients_leave_finite_weights(optimizer: Optimizer, dtype: type) -> None:
    gradients = np.array([[1e6, -1e6, 1e9]] * 50, dtype)
    with np.errstate(all="ignore"):
        assert np.isfinite(update(optimizer, np.zeros(3, dtype), gradients)).all()


def test_a_norm_is_clipped_by_part_or_as_a_whole() -> None:
    for options, expected in (
        ({"clipnorm": 1.0}, [0.6, 0.8, 0.5]),
        ({"global_clipnorm": 1.0}, [3 / np.sqrt(25.25), 4 / np.sqrt(25.25), 0.5 / np.sqrt(25.25)]),
        ({"clipnorm": 10.0}, [3, 4, 0.5]),
        ({"clipvalue": 10.0}, [3, 4, 0.5]),
    ):
        optimizer = SGD(1.0, **options)  # type: ignore[arg-type]  # the options are numbers
        optimizer.build(3, np.dtype("float64"))
        gradient = np.array([3.0, 4.0, 0.5])
        run(optimizer.record_clipping([gradient[:2], gradient[2:]]))
        np.testing.assert_allclose(gradient, expected, rtol=1e-15)
        assert optimizer.needs_whole_gradient == ("clipvalue" not in options)


@pytest.mark.parametrize("identifier", ["lion", 3, None, SGD])
def test_an_unknown_optimizer_is_refused(identifier: Any) -> None:
    with refused(f"optimizer was {identifier!r}", "sgd, adam, adamw, rmsprop"):
        optimizers.get(identifier)


def test_an_optimizer_is_found_by_its_name_and_itself() -> None:
    optimizer = optimizers.get("adamw")
    assert isinstance(optimizer, AdamW)
    assert optimizers.get(optimizer) is optimizer
