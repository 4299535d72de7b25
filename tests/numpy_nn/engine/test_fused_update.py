from collections.abc import Callable

import numpy as np
import pytest
from cases import ARTICLE, OPTIMIZERS, Case, allocated_by_steps, compare, moons

from numpy_nn import SGD, Sequential, losses
from numpy_nn._engine import minibatches
from numpy_nn._engine.minibatches import Trainer
from numpy_nn._engine.threads import WorkSplit
from numpy_nn.validation import Rows


@pytest.mark.parametrize("kernel_threads", [1, 2, 3])
@pytest.mark.parametrize("tile_inputs", [4, None])
@pytest.mark.parametrize("optimizer", range(len(OPTIMIZERS)))
def test_updates_that_are_fused_with_the_gradients_train_the_same(
    optimizer: int, tile_inputs: int | None, kernel_threads: int, monkeypatch: pytest.MonkeyPatch, tune: Callable[..., None]
) -> None:
    monkeypatch.setattr(minibatches, "split_minibatch", lambda rows, *_: WorkSplit(rows, 1, kernel_threads))
    fused = {"largest_stored_gradient_bytes": 0, "kernel_thread_products": 1}
    if tile_inputs is None:
        tune(**fused, most_tiled_gradient_rows=0)
    else:
        tile_bytes = tile_inputs * 50 * 8  # of a layer of 50
        tune(**fused, gradient_tile_bytes=tile_bytes, threaded_gradient_tile_bytes=tile_bytes)
    x, y = moons(11)
    weights = Sequential(ARTICLE, seed=0, dtype="float64").get_weights()
    case = Case(ARTICLE, "binary_crossentropy", x, y, y[:, None], np.linspace(0.5, 2, 11), weights, from_logits=False)
    compare(case, optimizer, batch_size=4, epochs=3, shuffle=True)


def test_fused_updates_keep_no_byte_either(tune: Callable[..., None]) -> None:
    tune(largest_stored_gradient_bytes=0)
    parameters = Sequential(ARTICLE, seed=0)._parameters
    trainer = Trainer(parameters, SGD(), losses.get("binary_crossentropy"), samples=64, batch_size=32, threads=1)
    x, y = moons(64, dtype="float32")
    kept, peak = allocated_by_steps(trainer, Rows(x, y[:, None]))
    assert kept == 0
    assert peak < 1500
