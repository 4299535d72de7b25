"""TensorFlow without Keras: an epoch as one `tf.function` compiled by XLA, a `tf.while_loop` over its full batches and one more
step for the rest.

Weights are `tf.Variable`s between epochs and the loop's state within one. What was tried beside it stands in `docs/contestants.md`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from bench.contestants.base import Array, Contestant, EpochEnd, Task
from bench.contestants.capabilities import activation_of, check_task
from bench.contestants.fastest_call import fastest_call
from bench.contestants.updates import make_update


class TensorflowEpoch(Contestant):
    """Trains by one call an epoch of a `tf.function`."""

    def __init__(self, task: Task) -> None:
        check_task(task, "tensorflow")
        # Read when the first operation makes the thread pools.
        os.environ["TF_NUM_INTRAOP_THREADS"] = os.environ["TF_NUM_INTEROP_THREADS"] = str(task.threads)
        import tensorflow as tf

        self._tf = tf
        self._task = task
        self._activations = [_activation(tf, activation_of(layer)) for layer in task.architecture]
        slots_a_weight, self._update = make_update(task, tf.sqrt)
        self._epoch = tf.function(self._train_epoch, jit_compile=True, autograph=False)
        self._x, self._y = tf.constant(task.x), tf.constant(task.y)
        self._rng = np.random.default_rng(task.seed)
        self._weights = [tf.Variable(weight) for weight in task.weights]
        slots = [tuple(tf.Variable(tf.zeros_like(weight)) for _ in range(slots_a_weight)) for weight in task.weights]
        self._state = self._weights, slots, tf.Variable(tf.zeros((), task.dtype))
        """Weights, a tuple of slots for each, and the number of updates done, in the precision in which it is used."""
        self._prediction_call: str | None = None

    def _logits(self, weights: Sequence[Any], x: Any) -> Any:
        *hidden, (kernel, bias) = zip(weights[::2], weights[1::2], strict=True)
        for (hidden_kernel, hidden_bias), activation in zip(hidden, self._activations, strict=False):
            x = activation(x @ hidden_kernel + hidden_bias)
        return x @ kernel + bias

    def _forward(self, weights: Sequence[Any], x: Any) -> Any:
        return self._activations[-1](self._logits(weights, x))

    def _loss(self, logits: Any, outputs: Any, y: Any) -> Any:
        """The mean loss of the rows."""
        tf = self._tf
        if self._task.loss == "binary_crossentropy":
            return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=logits))
        if self._task.loss == "categorical_crossentropy":
            return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=logits))
        return tf.reduce_mean(tf.square(outputs - y))

    def _step(self, state: Any, x: Any, y: Any) -> tuple[Any, Any]:
        """One update; the sums over the rows of their loss and of whether they were right, before it."""
        tf = self._tf
        weights, slots, step = state
        with tf.GradientTape() as tape:
            tape.watch(weights)
            logits = self._logits(weights, x)
            outputs = self._activations[-1](logits)
            loss = self._loss(logits, outputs, y)
        gradients = tape.gradient(loss, weights)
        step = step + 1
        updated = [self._update(w, s, g, step) for w, s, g in zip(weights, slots, gradients, strict=True)]
        classes, labels = (values > 0.5 if y.shape[1] == 1 else tf.argmax(values, axis=1) for values in (outputs, y))
        right = tf.cast(tf.equal(classes, labels), loss.dtype)
        sums = tf.stack([loss * x.shape[0], tf.reduce_sum(right)])
        return ([weight for weight, _ in updated], [slot for _, slot in updated], step), sums

    def _train_epoch(self, x: Any, y: Any) -> Any:
        """All updates of an epoch; its mean loss and accuracy."""
        tf = self._tf
        state = tf.nest.map_structure(tf.convert_to_tensor, self._state)
        rows, size = x.shape[0], self._task.rows_a_step
        steps = rows // size
        whole = steps * size
        xs, ys = (tf.reshape(array[:whole], (steps, size, array.shape[1])) for array in (x, y))

        def body(index: Any, state: Any, totals: Any) -> tuple[Any, Any, Any]:
            state, sums = self._step(state, xs[index], ys[index])
            return index + 1, state, totals + sums

        first = (tf.constant(0), state, tf.zeros(2, x.dtype))
        _, state, totals = tf.while_loop(lambda index, *_: index < steps, body, first)
        if whole < rows:
            state, rest = self._step(state, x[whole:], y[whole:])
            totals += rest
        tf.nest.map_structure(lambda variable, value: variable.assign(value), self._state, state)
        return totals / rows

    def warm_up(self) -> None:
        variables = self._tf.nest.flatten(self._state)
        before = [variable.numpy() for variable in variables]
        self._epoch(self._x, self._y).numpy()
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)

    def fit(self, on_epoch_end: EpochEnd) -> Mapping[str, Sequence[float]]:
        x, y = self._x, self._y
        means = []
        for epoch in range(self._task.epochs):
            if self._task.shuffle:
                order = self._rng.permutation(len(x))
                x, y = self._tf.gather(x, order), self._tf.gather(y, order)
            means.append(self._epoch(x, y).numpy())
            on_epoch_end(epoch)
        loss, accuracy = np.asarray(means, np.float64).T
        return {"loss": loss.tolist(), "accuracy": accuracy.tolist()}

    def predict(self, x: Array) -> Array:
        outputs: Array = self._forward(self._weights, self._tf.constant(x)).numpy()
        return outputs

    def predictor(self) -> Callable[[Array], Array]:
        """A traced call in which the weights are constants, with or without XLA, whichever answers a row sooner."""
        ways = {
            "tf.function": self._traced_call(jit_compile=False),
            "tf.function(jit_compile=True)": self._traced_call(jit_compile=True),
        }
        self._prediction_call = fastest_call(ways, self._task.x[:1])
        return ways[self._prediction_call]

    def _traced_call(self, *, jit_compile: bool) -> Callable[[Array], Array]:
        tf = self._tf
        spec = tf.TensorSpec((None, self._task.x.shape[1]), self._task.dtype)
        forward = tf.function(
            partial(self._forward, [weight.numpy() for weight in self._weights]), jit_compile=jit_compile, autograph=False
        )
        call = forward.get_concrete_function(spec)
        return lambda x: call(tf.constant(x)).numpy()

    def get_weights(self) -> Sequence[Array]:
        return [weight.numpy() for weight in self._weights]

    def details(self) -> dict[str, Any]:
        return {"jit_compile": True, "prediction_call": self._prediction_call}


def _activation(tf: Any, name: str) -> Callable[[Any], Any]:
    functions: dict[str, Callable[[Any], Any]] = {
        "linear": lambda z: z,
        "relu": tf.nn.relu,
        "sigmoid": tf.sigmoid,
        "tanh": tf.tanh,
        "softmax": tf.nn.softmax,
    }
    return functions[name]
