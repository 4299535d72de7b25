"""JAX: an epoch as one compiled call, a `lax.scan` over its full batches and one more step for the rest.

What JAX's experts do for a small network: nothing returns to Python within an epoch, the state is donated so that it is
updated in place, gradients are `value_and_grad`'s. Every epoch is waited for. What was tried beside it stands in
`docs/contestants.md`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from bench.contestants.base import Array, Contestant, EpochEnd, Task
from bench.contestants.capabilities import activation_of, check_task
from bench.contestants.updates import make_update


class JaxScan(Contestant):
    """Trains by one call an epoch of a function that JAX has compiled."""

    def __init__(self, task: Task) -> None:
        check_task(task, "jax")
        os.environ["PJRT_NPROC"] = str(task.threads)  # the size of the pool that XLA's CPU client makes at its first use
        import jax

        jax.config.update("jax_enable_x64", task.dtype == "float64")
        self._jax = jax
        self._task = task
        self._activations = [_activation(jax, activation_of(layer)) for layer in task.architecture]
        self._slots, self._update = make_update(task, jax.numpy.sqrt)
        self._epoch = jax.jit(self._train_epoch, donate_argnums=0)
        self._outputs = jax.jit(self._forward)
        self._x, self._y = jax.device_put(task.x), jax.device_put(task.y)
        self._rng = np.random.default_rng(task.seed)
        self._state = self._first_state()

    def _first_state(self) -> Any:
        """Weights, a tuple of slots for each, and the number of updates done, in the precision in which it is used."""
        weights = [self._jax.numpy.array(weight) for weight in self._task.weights]
        slots = [tuple(self._jax.numpy.zeros_like(weight) for _ in range(self._slots)) for weight in weights]
        return weights, slots, self._jax.numpy.zeros((), self._task.dtype)

    def _logits(self, weights: Sequence[Any], x: Any) -> Any:
        *hidden, (kernel, bias) = zip(weights[::2], weights[1::2], strict=True)
        for (hidden_kernel, hidden_bias), activation in zip(hidden, self._activations, strict=False):
            x = activation(x @ hidden_kernel + hidden_bias)
        return x @ kernel + bias

    def _forward(self, weights: Sequence[Any], x: Any) -> Any:
        return self._activations[-1](self._logits(weights, x))

    def _loss(self, weights: Sequence[Any], x: Any, y: Any) -> tuple[Any, Any]:
        """The mean loss of the rows, and the outputs."""
        nn, jnp = self._jax.nn, self._jax.numpy
        logits = self._logits(weights, x)
        outputs = self._activations[-1](logits)
        if self._task.loss == "binary_crossentropy":
            return jnp.mean(jnp.maximum(logits, 0) - logits * y + jnp.log1p(jnp.exp(-jnp.abs(logits)))), outputs
        if self._task.loss == "categorical_crossentropy":
            return -jnp.mean(jnp.sum(y * nn.log_softmax(logits), axis=-1)), outputs
        return jnp.mean(jnp.square(outputs - y)), outputs

    def _step(self, state: Any, batch: tuple[Any, Any]) -> tuple[Any, Any]:
        """One update; the sums over the rows of their loss and of whether they were right, before it."""
        jnp = self._jax.numpy
        weights, slots, step = state
        x, y = batch
        (loss, outputs), gradients = self._jax.value_and_grad(self._loss, has_aux=True)(weights, x, y)
        step = step + 1
        updated = [self._update(w, s, g, step) for w, s, g in zip(weights, slots, gradients, strict=True)]
        right = (outputs > 0.5) == (y > 0.5) if y.shape[1] == 1 else outputs.argmax(axis=1) == y.argmax(axis=1)
        sums = jnp.stack([loss * len(x), jnp.sum(right, dtype=loss.dtype)])
        return ([weight for weight, _ in updated], [slot for _, slot in updated], step), sums

    def _train_epoch(self, state: Any, x: Any, y: Any) -> tuple[Any, Any]:
        """All updates of an epoch; its mean loss and accuracy."""
        size = self._task.rows_a_step
        whole = len(x) // size * size
        full_batches = tuple(rows[:whole].reshape(-1, size, rows.shape[1]) for rows in (x, y))
        state, sums = self._jax.lax.scan(self._step, state, full_batches)
        totals = sums.sum(axis=0)
        if whole < len(x):
            state, rest = self._step(state, (x[whole:], y[whole:]))
            totals = totals + rest
        return state, totals / len(x)

    def warm_up(self) -> None:
        self._jax.block_until_ready(self._epoch(self._first_state(), self._x, self._y))

    def fit(self, on_epoch_end: EpochEnd) -> Mapping[str, Sequence[float]]:
        x, y = self._x, self._y
        means = []
        for epoch in range(self._task.epochs):
            if self._task.shuffle:
                order = self._rng.permutation(len(x))
                x, y = x[order], y[order]
            self._state, mean = self._jax.block_until_ready(self._epoch(self._state, x, y))
            means.append(mean)
            on_epoch_end(epoch)
        loss, accuracy = np.asarray(means, np.float64).T
        return {"loss": loss.tolist(), "accuracy": accuracy.tolist()}

    def predict(self, x: Array) -> Array:
        return np.asarray(self._outputs(self._state[0], x))

    def predictor(self) -> Callable[[Array], Array]:
        """A compiled call in which the weights are constants."""
        compiled = self._jax.jit(partial(self._forward, [np.asarray(weight) for weight in self._state[0]]))
        return lambda x: np.asarray(compiled(x))

    def get_weights(self) -> Sequence[Array]:
        return [np.asarray(weight) for weight in self._state[0]]


def _activation(jax: Any, name: str) -> Callable[[Any], Any]:
    functions: dict[str, Callable[[Any], Any]] = {
        "linear": lambda z: z,
        "relu": jax.nn.relu,
        "sigmoid": jax.nn.sigmoid,
        "tanh": jax.numpy.tanh,
        "softmax": jax.nn.softmax,
    }
    return functions[name]
