"""What every loss is: a value and a gradient, for callers and for the engine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import partial
from typing import Any

import numpy as np

from numpy_nn import activations
from numpy_nn._engine.arrays import Array
from numpy_nn._engine.program import Program
from numpy_nn.activations import Activation
from numpy_nn.keras_names import check_arguments
from numpy_nn.name_lookup import Configured

EPSILON = 1e-7
"""Keras' fuzz: probabilities are kept this far from 0 and 1."""
WITH_LOGITS = ("sigmoid", "softmax")
"""Output activations whose logits every cross-entropy takes, as in Keras, whichever of the two it is."""


class Loss(Configured, ABC):
    """`loss(y_true, y_pred, sample_weight=None) -> float`, samples in rows; the engine's methods take samples in columns.

    Parameters
    ----------
    from_logits
        Whether `y_pred`, and the outputs of the network, are logits rather than probabilities.
    **keras
        `name`, and other arguments of Keras' with the values that change nothing.

    """

    name: str
    pairs_with: str | None = None
    """The output activation whose logits the loss is defined for."""

    def __init__(self, from_logits: bool = False, **keras: Any) -> None:
        if keras:
            check_arguments("a loss", keras)
        if from_logits and self.pairs_with is None:
            raise ValueError(f"from_logits was {from_logits!r}: {self.name} has no logits")
        self.from_logits = bool(from_logits)

    def __repr__(self) -> str:
        others = [f"{key}={value!r}" for key, value in self.get_config().items() if key != "from_logits" and value]
        return f"<loss {' '.join([self.name, *others])}{' from logits' if self.from_logits else ''}>"

    def get_config(self) -> dict[str, Any]:
        """The arguments that make a loss like this one."""
        return {} if self.pairs_with is None else {"from_logits": self.from_logits}

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None, *, from_logits: bool | None = None) -> float:
        """The mean loss of `y_pred` (samples,) or (samples, outputs) against `y_true`, labels or of the same shape.

        Parameters
        ----------
        sample_weight
            (samples,): what each sample's loss is multiplied by; the mean is over the samples, as in Keras.

        Raises
        ------
        ValueError
            If the shapes differ or the labels are not what the loss is defined for.

        """
        outputs = np.atleast_1d(y_pred)
        outputs = outputs.reshape(len(outputs), -1).astype(np.result_type(outputs, np.float32), copy=False)
        targets = self.encode("y_true", np.asarray(y_true), outputs.shape[1]).astype(outputs.dtype)
        wanted = (len(targets), outputs.shape[1])
        if wanted != outputs.shape:
            raise ValueError(f"y_pred had the shape {np.shape(y_pred)}: y_true's {np.shape(y_true)} asks for {wanted}")
        logits = self.from_logits if from_logits is None else from_logits
        with np.errstate(all="ignore"):
            values = self.from_logit_values(targets.T, outputs.T) if logits else self.values(targets.T, outputs.T)
            if sample_weight is not None:
                weights = np.asarray(sample_weight, values.dtype)
                weights = weights[:, 0] if weights.shape == (len(values), 1) else weights
                if weights.shape != values.shape:
                    raise ValueError(f"sample_weight had the shape {weights.shape}: it must be {values.shape}")
                values = values * weights
            return float(np.mean(values))

    def encode(self, name: str, y: Array, outputs: int) -> Array:
        """`y`, the argument called `name`, as targets (samples, `target_count(outputs)`).

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

    def target_count(self, outputs: int) -> int:
        """Numbers in a sample's targets."""
        return outputs

    def takes_logits(self, activation: str | Activation) -> bool:
        """Whether, after an output layer of that activation, value and gradient are taken from the logits."""
        name = activations.get(activation).name
        return self.pairs_with is not None and (name in WITH_LOGITS or (self.from_logits and name == "linear"))

    def for_targets(self, y: Array) -> Loss:
        """The loss whose `record_` methods are right for the targets `y`: this one, or a slower one that is more general."""
        return self

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


class MeanOverOutputs(Loss):
    """A loss whose value for a sample is the mean over its outputs."""

    def _output_weight(self, y: Array) -> float:
        return 1 / int(y.shape[-2])
