"""Trains a Keras model as `numpy_nn.Sequential.fit` trains its own: the same arguments, the same history.

Called by the Keras contestants and by tests.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

if TYPE_CHECKING:
    import keras

Array = NDArray[Any]


def fit(
    model: keras.Sequential,
    x: Array,
    y: Array,
    *,
    batch_size: int | None = 32,
    epochs: int = 1,
    shuffle: bool = True,
    validation_data: tuple[Array, Array] | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> dict[str, list[float]]:
    """Train `model` in the precision that it was built in; every other setting is Keras' default.

    Parameters
    ----------
    model
        From `build_model`.
    x, y
        (samples, features), and (samples,) or (samples, outputs).
    batch_size
        Rows a step; None is the full batch (Keras' own None is 32).
    shuffle
        Whether every epoch has an order of its own; Keras draws it.
    validation_data
        `(x, y)` to be scored after every epoch.
    callbacks
        Keras callbacks.

    Returns
    -------
    dict
        A float an epoch under "loss", each metric's name, and with "val_" before it where there is validation data.

    """
    with _floatx(model.dtype_policy.name):
        history = model.fit(
            x,
            y,
            batch_size=len(x) if batch_size is None else batch_size,
            epochs=epochs,
            shuffle=shuffle,
            validation_data=validation_data,
            callbacks=list(callbacks),
            verbose=0,
        )
    return {name: [float(value) for value in values] for name, values in history.history.items()}


@contextmanager
def _floatx(dtype: str) -> Iterator[None]:
    """Keras' `floatx` as `dtype`, and afterwards as it was: `fit` casts its data to it."""
    import keras

    before = keras.config.floatx()
    keras.config.set_floatx(dtype)
    try:
        yield
    finally:
        keras.config.set_floatx(before)
