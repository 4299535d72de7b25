"""Losses: the value and the gradient, from logits where the output layer allows it.

A sample's loss is Keras': for binary cross-entropy and squared error the mean over its outputs, for categorical cross-entropy the
sum over the classes. The loss of a minibatch is the mean over its samples, each times its weight if there are weights. After the
activation that a loss is paired with (`pairs_with`), the value and the gradient, `activation(z) − y`, are computed from the logits,
so that neither a saturated sigmoid nor a tiny probability loses digits. After other activations, probabilities are clipped to
[1e-7, 1 − 1e-7], as in Keras.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import partial
from typing import Any

import numpy as np

from numpy_nn import activations
from numpy_nn._engine.arrays import Array, scalar
from numpy_nn._engine.program import Program
from numpy_nn.name_lookup import find

EPSILON = 1e-7
"""Keras' fuzz: probabilities are kept this far from 0 and 1."""


class Loss(ABC):
    """`loss(y_true, y_pred) -> float`, samples in rows; the engine's methods take samples in columns.

    Parameters
    ----------
    from_logits
        Whether `y_pred`, and the outputs of the network, are logits rather than probabilities.

    """

    name: str
    pairs_with: str | None = None
    """The output activation after which the loss is computed from the logits."""

    def __init__(self, *, from_logits: bool = False) -> None:
        if from_logits and self.pairs_with is None:
            raise ValueError(f"from_logits was {from_logits!r}: {self.name} has no logits")
        self.from_logits = bool(from_logits)

    def __repr__(self) -> str:
        return f"<loss {self.name}{' from logits' if self.from_logits else ''}>"

    def get_config(self) -> dict[str, Any]:
        """The arguments that make a loss like this one."""
        return {} if self.pairs_with is None else {"from_logits": self.from_logits}

    def __call__(self, y_true: Any, y_pred: Any, *, from_logits: bool | None = None) -> float:
        """The mean loss of `y_pred` (samples,) or (samples, outputs) against `y_true`, labels or of the same shape.

        Raises
        ------
        ValueError
            If the shapes differ or the labels are not what the loss is defined for.

        """
        outputs = np.atleast_1d(y_pred)
        outputs = outputs.reshape(len(outputs), -1).astype(np.result_type(outputs, np.float32), copy=False)
        targets = self.encode("y_true", np.asarray(y_true), outputs.shape[1]).astype(outputs.dtype)
        if targets.shape != outputs.shape:
            raise ValueError(f"y_pred had the shape {np.shape(y_pred)}: y_true's {np.shape(y_true)} asks for {targets.shape}")
        logits = self.from_logits if from_logits is None else from_logits
        values = self.from_logit_values(targets.T, outputs.T) if logits else self.values(targets.T, outputs.T)
        return float(np.mean(values))

    def encode(self, name: str, y: Array, outputs: int) -> Array:
        """`y`, the argument called `name`, as targets (samples, outputs).

        Raises
        ------
        ValueError
            If its shape doesn't fit `outputs`.

        """
        targets = y.reshape(-1, 1) if y.ndim == 1 else y
        if targets.ndim != 2 or targets.shape[1] != outputs:
            wanted = "(samples,) or (samples, 1)" if outputs == 1 else f"(samples, {outputs})"
            raise ValueError(f"{name} had the shape {y.shape}: it must be {wanted}")
        return targets

    def takes_logits(self, activation: str) -> bool:
        """Whether, after an output layer of that activation, value and gradient are taken from the logits."""
        return activation == self.pairs_with or (self.from_logits and activation == "linear")

    @abstractmethod
    def values(self, y: Array, a: Array) -> Array:
        """The loss of each sample, (..., samples), from outputs `a` (..., outputs, samples)."""

    @abstractmethod
    def record_gradient(self, y: Array, a: Array, delta: Array) -> Program:
        """Operations that write the gradient of each sample's loss by its outputs `a` into `delta`."""

    def from_logit_values(self, y: Array, z: Array) -> Array:
        """The same as `values`, from the logits."""
        raise ValueError(f"from_logits was True: {self.name} has no logits")

    def prepare_gradient(self, y: Array, scale: Array, shift: Array, factor: Array) -> None:
        """Write what `record_logit_gradient` needs of targets and scale to `shift` and `factor`; all (..., outputs, samples)."""
        np.multiply(scale, self._output_weight(y), factor)
        np.multiply(y, factor, shift)

    def record_logit_gradient(self, z: Array, shift: Array, factor: Array, delta: Array) -> Program:
        """Operations that write the gradient of each sample's loss by its logits `z`, times the sample's scale, into `delta`.

        It is `(activation(z) − y) · scale`; `shift` and `factor` are what of it is the same at every step.
        """
        paired = activations.get(self.pairs_with or "linear")
        return [
            *paired.record_forward(z, delta),
            partial(np.multiply, delta, factor, delta),
            partial(np.subtract, delta, shift, delta),
        ]

    def _output_weight(self, y: Array) -> float:
        """The weight of one output in its sample's loss."""
        return 1.0


class _MeanOverOutputs(Loss):
    """A loss whose value for a sample is the mean over its outputs."""

    def _output_weight(self, y: Array) -> float:
        return 1 / int(y.shape[-2])


class BinaryCrossentropy(_MeanOverOutputs):
    """−[y log p + (1 − y) log(1 − p)], its labels 0 or 1.

    With labels of 0 and 1 the gradient by a logit is σ(z) where y = 0, and −σ(−z) where y = 1: with the sign s = 2y − 1 it is
    −s / (1 + exp(s z)), which takes four operations and loses no digits where σ(z) is close to y.
    """

    name = "binary_crossentropy"
    pairs_with = "sigmoid"

    def encode(self, name: str, y: Array, outputs: int) -> Array:
        targets = super().encode(name, y, outputs)
        wrong = (targets != 0) & (targets != 1)
        if wrong.any():
            value = targets[wrong][0].item()
            raise ValueError(f"{name} had the label {value!r}: binary_crossentropy takes 0 and 1 only")
        return targets

    def values(self, y: Array, a: Array) -> Array:
        p = np.clip(a, EPSILON, 1 - EPSILON)
        values: Array = -np.mean(y * np.log(p) + (1 - y) * np.log1p(-p), axis=-2)
        return values

    def from_logit_values(self, y: Array, z: Array) -> Array:
        # log(1 + exp(z)) − y z, so written that exp can't overflow.
        tail = np.absolute(z)
        np.negative(tail, tail)
        np.exp(tail, tail)
        np.log1p(tail, tail)
        tail += np.maximum(z, 0)
        tail -= z * y
        values: Array = tail.mean(axis=-2) if z.shape[-2] > 1 else tail[..., 0, :]
        return values

    def prepare_gradient(self, y: Array, scale: Array, shift: Array, factor: Array) -> None:
        np.multiply(y, 2, shift)
        np.subtract(shift, 1, shift)
        np.multiply(shift, scale, factor)
        np.multiply(factor, -self._output_weight(y), factor)

    def record_logit_gradient(self, z: Array, shift: Array, factor: Array, delta: Array) -> Program:
        # Two buffers, since NumPy takes longer to write in place.
        other = np.empty_like(delta)
        return [
            partial(np.multiply, z, shift, other),
            partial(np.exp, other, delta),
            partial(np.add, delta, scalar(1, delta.dtype), other),
            partial(np.divide, factor, other, delta),
        ]

    def record_gradient(self, y: Array, a: Array, delta: Array) -> Program:
        # (p − y) / (p (1 − p)) at the clipped p, and 0 where a lies outside of what is clipped to.
        low, high = scalar(EPSILON, a.dtype), scalar(1 - EPSILON, a.dtype)
        p, spread, inside, above = np.empty_like(a), np.empty_like(a), np.empty(a.shape, bool), np.empty(a.shape, bool)
        return [
            partial(np.clip, a, low, high, p),
            partial(np.subtract, scalar(1, a.dtype), p, spread),
            partial(np.multiply, spread, p, spread),
            partial(np.subtract, p, y, delta),
            partial(np.divide, delta, spread, delta),
            partial(np.greater_equal, a, low, above),
            partial(np.less_equal, a, high, inside),
            partial(np.logical_and, inside, above, inside),
            partial(spread.__setitem__, ..., inside),
            partial(np.multiply, delta, spread, delta),
            partial(np.multiply, delta, scalar(self._output_weight(a), a.dtype), delta),
        ]


class MeanSquaredError(_MeanOverOutputs):
    """(a − y)², the mean over the outputs."""

    name = "mean_squared_error"

    def values(self, y: Array, a: Array) -> Array:
        values: Array = np.mean(np.square(a - y), axis=-2)
        return values

    def record_gradient(self, y: Array, a: Array, delta: Array) -> Program:
        return [
            partial(np.subtract, a, y, delta),
            partial(np.multiply, delta, scalar(2 * self._output_weight(a), delta.dtype), delta),
        ]


class CategoricalCrossentropy(Loss):
    """−Σ y log p over the classes, its targets one-hot or probabilities that add up to 1."""

    name = "categorical_crossentropy"
    pairs_with = "softmax"

    def encode(self, name: str, y: Array, outputs: int) -> Array:
        targets = super().encode(name, y, outputs)
        sums = targets.sum(axis=1)
        wrong = (targets < 0).any(axis=1) | (np.abs(sums - 1) > 1e-6)
        if wrong.any():
            raise ValueError(
                f"{name} had the row {targets[wrong][0].tolist()}: a row must be shares of the classes that add up to 1"
            )
        return targets

    def values(self, y: Array, a: Array) -> Array:
        p = a / a.sum(axis=-2, keepdims=True)
        values: Array = -np.sum(y * np.log(np.clip(p, EPSILON, 1 - EPSILON)), axis=-2)
        return values

    def from_logit_values(self, y: Array, z: Array) -> Array:
        shifted = z - z.max(axis=-2, keepdims=True)
        values: Array = np.log(np.exp(shifted).sum(axis=-2)) - np.sum(y * shifted, axis=-2)
        return values

    def record_gradient(self, y: Array, a: Array, delta: Array) -> Program:
        # Keras divides the outputs by their sum s first: q = a / s, dL/da_i = (Σ_j y_j [q_j inside] − y_i [q_i inside] / q_i) / s.
        low, high = scalar(EPSILON, a.dtype), scalar(1 - EPSILON, a.dtype)
        row, total = np.empty((1, a.shape[1]), a.dtype), np.empty_like(a)
        q, weight, inside, above = np.empty_like(a), np.empty_like(a), np.empty(a.shape, bool), np.empty(a.shape, bool)
        return [
            partial(np.add.reduce, a, axis=0, out=row, keepdims=True),
            partial(total.__setitem__, ..., row),
            partial(np.divide, a, total, q),
            partial(np.greater_equal, q, low, above),
            partial(np.less_equal, q, high, inside),
            partial(np.logical_and, inside, above, inside),
            partial(weight.__setitem__, ..., inside),
            partial(np.multiply, weight, y, weight),
            partial(np.add.reduce, weight, axis=0, out=row, keepdims=True),
            partial(delta.__setitem__, ..., row),
            partial(np.clip, q, low, high, q),
            partial(np.divide, weight, q, weight),
            partial(np.subtract, delta, weight, delta),
            partial(np.divide, delta, total, delta),
        ]


class SparseCategoricalCrossentropy(CategoricalCrossentropy):
    """Categorical cross-entropy whose labels are the classes' numbers, 0 to outputs − 1."""

    name = "sparse_categorical_crossentropy"

    def encode(self, name: str, y: Array, outputs: int) -> Array:
        labels = y.reshape(-1) if y.ndim == 1 or (y.ndim == 2 and y.shape[1] == 1) else None
        if labels is None:
            raise ValueError(f"{name} had the shape {y.shape}: it must be (samples,)")
        wrong = (labels != np.floor(labels)) | (labels < 0) | (labels >= outputs)
        if wrong.any():
            raise ValueError(f"{name} had the label {labels[wrong][0].item()!r}: labels are integers from 0 to {outputs - 1}")
        return np.eye(outputs)[labels.astype(np.intp)]

    def values(self, y: Array, a: Array) -> Array:
        # Keras clips here before it divides by the sum, and not after, as in the loss above.
        q = np.clip(a, EPSILON, 1 - EPSILON)
        values: Array = np.log(q.sum(axis=-2)) - np.sum(y * np.log(q), axis=-2)
        return values

    def record_gradient(self, y: Array, a: Array, delta: Array) -> Program:
        # [a_i inside] (1 / Σ_j q_j − y_i / q_i) at the clipped q.
        low, high, one = scalar(EPSILON, a.dtype), scalar(1 - EPSILON, a.dtype), scalar(1, a.dtype)
        row, total = np.empty((1, a.shape[1]), a.dtype), np.empty_like(a)
        q, inside = np.empty_like(a), np.empty(a.shape, bool)
        return [
            partial(np.clip, a, low, high, q),
            partial(np.equal, a, q, inside),
            partial(np.add.reduce, q, axis=0, out=row, keepdims=True),
            partial(np.divide, one, row, row),
            partial(total.__setitem__, ..., row),
            partial(np.divide, y, q, delta),
            partial(np.subtract, total, delta, delta),
            partial(q.__setitem__, ..., inside),
            partial(np.multiply, delta, q, delta),
        ]


LOSSES: dict[str, type[Loss]] = {
    loss.name: loss for loss in (BinaryCrossentropy, MeanSquaredError, CategoricalCrossentropy, SparseCategoricalCrossentropy)
}
ALIASES = {"mse": "mean_squared_error", "bce": "binary_crossentropy"}


def get(identifier: str | Loss) -> Loss:
    """The loss of that name, or the loss itself.

    Raises
    ------
    ValueError
        If there is none of that name.

    """
    if isinstance(identifier, Loss):
        return identifier
    name = ALIASES.get(identifier, identifier) if isinstance(identifier, str) else identifier
    return find("loss", name, LOSSES)()
