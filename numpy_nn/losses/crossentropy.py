"""Cross-entropies, from logits where the output layer allows it."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from numpy_nn._engine.arrays import Array, scalar
from numpy_nn._engine.program import Program
from numpy_nn.checks import share
from numpy_nn.losses.base import EPSILON, Loss, MeanOverOutputs


class BinaryCrossentropy(MeanOverOutputs):
    """−[y log p + (1 − y) log(1 − p)], its labels 0, 1 or between them; `label_smoothing` s makes y (1 − s) + s / 2 of y.

    With labels of 0 and 1 the gradient by a logit is σ(z) where y = 0, and −σ(−z) where y = 1: with the sign s = 2y − 1 it is
    −s / (1 + exp(s z)), which takes four operations and loses no digits where σ(z) is close to y.
    """

    name = "binary_crossentropy"
    pairs_with = "sigmoid"

    def __init__(self, from_logits: bool = False, label_smoothing: float = 0.0, **keras: Any) -> None:
        super().__init__(from_logits, **keras)
        self.label_smoothing = share("label_smoothing", label_smoothing)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "label_smoothing": self.label_smoothing}

    def encode(self, name: str, y: Array, outputs: int) -> Array:
        targets = super().encode(name, y, outputs)
        wrong = (targets < 0) | (targets > 1)
        if wrong.any():
            value = targets[wrong][0].item()
            raise ValueError(f"{name} had the label {value!r}: binary_crossentropy takes 0, 1 and what lies between them")
        return targets

    def for_targets(self, y: Array) -> Loss:
        if not self.label_smoothing and not ((y != 0) & (y != 1)).any():
            return self
        return _SoftBinaryCrossentropy(from_logits=self.from_logits, label_smoothing=self.label_smoothing)

    def _smoothed(self, y: Array) -> Array:
        smoothed: Array = y * (1 - self.label_smoothing) + self.label_smoothing / 2
        return smoothed

    def values(self, y: Array, a: Array) -> Array:
        if self.label_smoothing:
            y = self._smoothed(y)
        p = np.clip(a, EPSILON, 1 - EPSILON)
        values: Array = -np.mean(y * np.log(p) + (1 - y) * np.log1p(-p), axis=-2)
        return values

    def from_logit_values(self, y: Array, z: Array) -> Array:
        # log(1 + exp(z)) − y z, so written that exp can't overflow.
        if self.label_smoothing:
            y = self._smoothed(y)
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


class _SoftBinaryCrossentropy(BinaryCrossentropy):
    """Binary cross-entropy where labels lie between 0 and 1: the gradient by a logit is σ(z) − y."""

    def for_targets(self, y: Array) -> Loss:
        return self

    def prepare_gradient(self, y: Array, scale: Array, shift: Array, factor: Array) -> None:
        Loss.prepare_gradient(self, self._smoothed(y), scale, shift, factor)

    def record_logit_gradient(self, z: Array, shift: Array, factor: Array, delta: Array) -> Program:
        return Loss.record_logit_gradient(self, z, shift, factor, delta)

    def record_gradient(self, y: Array, a: Array, delta: Array) -> Program:
        if not self.label_smoothing:
            return super().record_gradient(y, a, delta)
        return [
            *record_smoothing(y, smoothed := np.empty_like(y), self.label_smoothing, 2),
            *super().record_gradient(smoothed, a, delta),
        ]


class CategoricalCrossentropy(Loss):
    """−Σ y log p over the classes, its targets one-hot or probabilities that add up to 1.

    `label_smoothing` s makes y (1 − s) + s / n of y, where there are n classes.
    """

    name = "categorical_crossentropy"
    pairs_with = "softmax"

    def __init__(self, from_logits: bool = False, label_smoothing: float = 0.0, **keras: Any) -> None:
        super().__init__(from_logits, **keras)
        self.label_smoothing = share("label_smoothing", label_smoothing)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "label_smoothing": self.label_smoothing}

    def _smoothed(self, y: Array) -> Array:
        smoothing = self.label_smoothing
        smoothed: Array = y * (1 - smoothing) + smoothing / y.shape[-2] if smoothing else y
        return smoothed

    def encode(self, name: str, y: Array, outputs: int) -> Array:
        if y.ndim == 1 and outputs > 1:
            raise ValueError(f"{name} had the shape {y.shape}: it must be (samples, {outputs}); sparse_{self.name} takes labels")
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
        values: Array = -np.sum(self._smoothed(y) * np.log(np.clip(p, EPSILON, 1 - EPSILON)), axis=-2)
        return values

    def from_logit_values(self, y: Array, z: Array) -> Array:
        shifted = shifted_logits(z)
        values: Array = np.log(np.exp(shifted).sum(axis=-2)) - np.sum(self._smoothed(y) * shifted, axis=-2)
        return values

    def prepare_gradient(self, y: Array, scale: Array, shift: Array, factor: Array) -> None:
        super().prepare_gradient(self._smoothed(y), scale, shift, factor)

    def record_gradient(self, y: Array, a: Array, delta: Array) -> Program:
        # Keras divides the outputs by their sum s first: q = a / s, dL/da_i = (Σ_j y_j [q_j inside] − y_i [q_i inside] / q_i) / s.
        low, high = scalar(EPSILON, a.dtype), scalar(1 - EPSILON, a.dtype)
        row, total = np.empty((1, a.shape[1]), a.dtype), np.empty_like(a)
        q, weight, inside, above = np.empty_like(a), np.empty_like(a), np.empty(a.shape, bool), np.empty(a.shape, bool)
        smoothed = np.empty_like(y) if self.label_smoothing else y
        return [
            *(record_smoothing(y, smoothed, self.label_smoothing, len(a)) if self.label_smoothing else []),
            partial(np.add.reduce, a, axis=0, out=row, keepdims=True),
            partial(total.__setitem__, ..., row),
            partial(np.divide, a, total, q),
            partial(np.greater_equal, q, low, above),
            partial(np.less_equal, q, high, inside),
            partial(np.logical_and, inside, above, inside),
            partial(weight.__setitem__, ..., inside),
            partial(np.multiply, weight, smoothed, weight),
            partial(np.add.reduce, weight, axis=0, out=row, keepdims=True),
            partial(delta.__setitem__, ..., row),
            partial(np.clip, q, low, high, q),
            partial(np.divide, weight, q, weight),
            partial(np.subtract, delta, weight, delta),
            partial(np.divide, delta, total, delta),
        ]


class SparseCategoricalCrossentropy(Loss):
    """Categorical cross-entropy whose labels are the classes' numbers, 0 to outputs − 1: the targets are one number a sample."""

    name = "sparse_categorical_crossentropy"
    pairs_with = "softmax"

    def encode(self, name: str, y: Array, outputs: int) -> Array:
        labels = y.reshape(-1) if y.ndim == 1 or (y.ndim == 2 and y.shape[1] == 1) else None
        if labels is None:
            raise ValueError(f"{name} had the shape {y.shape}: it must be (samples,)")
        wrong = (labels != np.floor(labels)) | (labels < 0) | (labels >= outputs)
        if wrong.any():
            raise ValueError(f"{name} had the label {labels[wrong][0].item()!r}: labels are integers from 0 to {outputs - 1}")
        return labels.reshape(-1, 1)

    def target_count(self, outputs: int) -> int:
        return 1

    def values(self, y: Array, a: Array) -> Array:
        # Keras clips here before it divides by the sum, and not after, as in the loss above.
        q = np.clip(a, EPSILON, 1 - EPSILON)
        values: Array = np.log(q.sum(axis=-2)) - np.log(of_class(q, y))
        return values

    def from_logit_values(self, y: Array, z: Array) -> Array:
        shifted = shifted_logits(z)
        values: Array = np.log(np.exp(shifted).sum(axis=-2)) - of_class(shifted, y)
        return values

    def prepare_gradient(self, y: Array, scale: Array, shift: Array, factor: Array) -> None:
        # The target times the scale: nothing but in the row of the class.
        factor[...] = scale
        shift[...] = 0
        np.put_along_axis(shift, y.astype(np.intp), scale[..., :1, :], axis=-2)

    def record_gradient(self, y: Array, a: Array, delta: Array) -> Program:
        # [a_i inside] (1 / Σ_j q_j − y_i / q_i) at the clipped q.
        low, high, one = scalar(EPSILON, a.dtype), scalar(1 - EPSILON, a.dtype), scalar(1, a.dtype)
        row, total = np.empty((1, a.shape[1]), a.dtype), np.empty_like(a)
        q, inside, of_sample = np.empty_like(a), np.empty(a.shape, bool), np.empty(a.shape, bool)
        classes = np.repeat(np.arange(len(a), dtype=a.dtype), a.shape[1]).reshape(a.shape)
        return [
            partial(np.clip, a, low, high, q),
            partial(np.equal, a, q, inside),
            partial(np.add.reduce, q, axis=0, out=row, keepdims=True),
            partial(np.divide, one, row, row),
            partial(total.__setitem__, ..., row),
            partial(delta.__setitem__, ..., y),
            partial(np.equal, delta, classes, of_sample),
            partial(delta.__setitem__, ..., of_sample),
            partial(np.divide, delta, q, delta),
            partial(np.subtract, total, delta, delta),
            partial(q.__setitem__, ..., inside),
            partial(np.multiply, delta, q, delta),
        ]


def record_smoothing(y: Array, smoothed: Array, smoothing: float, classes: int) -> Program:
    """Operations that write y (1 − smoothing) + smoothing / classes into `smoothed`."""
    return [
        partial(np.multiply, y, scalar(1 - smoothing, y.dtype), smoothed),
        partial(np.add, smoothed, scalar(smoothing / classes, y.dtype), smoothed),
    ]


def shifted_logits(z: Array) -> Array:
    """Logits less the largest of their sample, each a finite number."""
    shifted: Array = z - z.max(axis=-2, keepdims=True)
    np.maximum(shifted, np.finfo(z.dtype).min, out=shifted)
    return shifted


def of_class(values: Array, y: Array) -> Array:
    """The value of each sample's class, (..., samples), of `values` (..., outputs, samples)."""
    picked: Array = np.take_along_axis(values, y.astype(np.intp), axis=-2)[..., 0, :]
    return picked
