from collections.abc import Callable

import numpy as np
import pytest
from cases import ARCHITECTURE, ARTICLE, OPTIMIZERS, Case, allocated_by_steps, cases, compare, moons
from hypothesis import given
from hypothesis import strategies as st

from numpy_nn import SGD, Adam, Sequential, losses
from numpy_nn._engine import minibatches
from numpy_nn._engine.minibatches import Trainer
from numpy_nn._engine.threads import Split
from numpy_nn.optimizers import Optimizer
from numpy_nn.validation import Rows


@given(
    case=cases(rows=st.integers(1, 9), mild=True),
    optimizer=st.integers(0, len(OPTIMIZERS) - 1),
    batch_size=st.none() | st.integers(1, 12),
    epochs=st.integers(1, 3),
    shuffle=st.booleans(),
)
def test_a_whole_training_is_that_of_the_slow_network(
    case: Case, optimizer: int, batch_size: int | None, epochs: int, shuffle: bool
) -> None:
    compare(case, optimizer, batch_size=batch_size, epochs=epochs, shuffle=shuffle)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("batch_size", [1, 2, 3, 4])
def test_a_data_set_larger_than_the_buffers_streams_through(batch_size: int, shuffle: bool, tune: Callable[..., None]) -> None:
    tune(most_loaded_minibatches=2)
    x, y = moons(11)
    weights = Sequential(ARTICLE, seed=0, dtype="float64").get_weights()
    case = Case(ARTICLE, "binary_crossentropy", x, y, y[:, None], np.linspace(0.5, 2, 11), weights, from_logits=False)
    compare(case, 0, batch_size=batch_size, epochs=3, shuffle=shuffle)


def test_no_more_minibatches_are_loaded_than_there_are_bytes_for(tune: Callable[..., None]) -> None:
    tune(loaded_bytes=1)
    x, y = moons(7)
    weights = Sequential(ARTICLE, seed=0, dtype="float64").get_weights()
    case = Case(ARTICLE, "binary_crossentropy", x, y, y[:, None], None, weights, from_logits=False)
    compare(case, 0, batch_size=2, epochs=2, shuffle=False)


@pytest.mark.parametrize(("samples", "batch_size"), [(4, 4), (20, 4), (300, 1)])
def test_no_unit_that_is_dead_leaves_subnormal_numbers(samples: int, batch_size: int) -> None:
    optimizer = Adam()
    model = Sequential(ARCHITECTURE, seed=0, dtype="float32")
    model.compile(optimizer, "binary_crossentropy")
    x, y = moons(samples, dtype="float32")
    model.fit(x, y, batch_size, 1, verbose=0)
    kernel, bias, *others = model.get_weights()
    model.set_weights([0 * kernel, 0 * bias - 1, *others])
    model.fit(x, y, batch_size, 1500 * batch_size // samples, verbose=0)
    mean, square = optimizer.state()
    assert not mean[:10].any()
    for values in (mean, square):
        assert np.abs(values[values != 0]).min() > np.finfo(np.float32).tiny


@pytest.mark.parametrize(
    ("optimizer", "split"),
    [
        *((cls(**settings), Split(1024, 1)) for cls, settings in OPTIMIZERS),
        (SGD(), Split(600, 1)),
        (SGD(), Split(512, 2)),
        (SGD(), Split(1024, 1, 2)),
    ],
    ids=str,
)
def test_training_steps_keep_no_byte_and_make_no_array(
    optimizer: Optimizer, split: Split, monkeypatch: pytest.MonkeyPatch, tune: Callable[..., None]
) -> None:
    monkeypatch.setattr(minibatches, "split_minibatch", lambda *_: split)
    tune(kernel_thread_products=1)
    parameters = Sequential(ARTICLE, seed=0)._parameters
    optimizer.build(len(parameters.vector), parameters.vector.dtype)
    loss = losses.get("binary_crossentropy")
    trainer = Trainer(parameters, optimizer, loss, samples=2048, batch_size=1024, threads=2)  # in a half, a row has 2 kB
    x, y = moons(2048, dtype="float32")
    kept, peak = allocated_by_steps(trainer, Rows(x, y[:, None]))
    assert kept == 0
    assert peak < 1500
