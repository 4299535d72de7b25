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
    one_iterator: bool = False,
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
    one_iterator
        Whether the rows are a `tf.data` data set that repeats without an end, so that Keras makes one iterator for all epochs. By
        default it makes one an epoch, which takes longer than a small network's steps. TensorFlow's backend only; the model's
        `steps_per_execution` must divide the steps of an epoch.

    Returns
    -------
    dict
        A float an epoch under "loss", each metric's name, and with "val_" before it where there is validation data.

    Raises
    ------
    ValueError
        If there is one iterator, and an execution would go on into the next epoch.

    """
    dtype = model.dtype_policy.name
    rows_a_step = len(x) if batch_size is None else batch_size
    steps_an_epoch = -(-len(x) // rows_a_step)
    if one_iterator and steps_an_epoch % model.steps_per_execution:
        found = f"steps_per_execution is {model.steps_per_execution}"
        raise ValueError(f"{found}: with one_iterator it must divide the {steps_an_epoch} steps of an epoch")
    with _floatx(dtype):
        if one_iterator:
            rows = _repeated(_cast(x, dtype), _cast(y, dtype), rows_a_step, shuffle=shuffle)
            data = {"x": rows, "steps_per_epoch": steps_an_epoch, "shuffle": False}
        else:
            data = {"x": x, "y": y, "batch_size": rows_a_step, "shuffle": shuffle}
        history = model.fit(**data, epochs=epochs, validation_data=validation_data, callbacks=list(callbacks), verbose=0)
    return {name: [float(value) for value in values] for name, values in history.history.items()}


def _cast(values: Array, dtype: str) -> Array:
    """As Keras does with arrays, but not with data sets: real numbers to the model's precision."""
    return values.astype(dtype, copy=False) if values.dtype.kind == "f" else values


def _repeated(x: Array, y: Array, rows_a_step: int, *, shuffle: bool) -> Any:
    """Return the minibatches of one epoch after the other, without an end; each epoch has an order of its own if it shuffles."""
    import tensorflow as tf

    if not shuffle:
        return tf.data.Dataset.from_tensor_slices((x, y)).batch(rows_a_step).cache().repeat()
    arrays = tf.constant(x), tf.constant(y)
    starts = tf.data.Dataset.range(0, len(x), rows_a_step)

    def minibatches(order: Any) -> Any:  # gathered as a whole, as Keras does: row by row takes longer
        return starts.map(lambda start: tuple(tf.gather(array, order[start : start + rows_a_step]) for array in arrays))

    orders = tf.data.Dataset.counter().map(lambda _: tf.random.shuffle(tf.range(len(x))))
    return orders.flat_map(minibatches)


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
