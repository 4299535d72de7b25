"""The network's outputs for a single row, in microseconds: the same formulas on vectors, one layer after the other.

Called by `Sequential.predict`, from any number of threads. With so few numbers, all of the time is spent on calls. So a layer is
one product, its bias included, and one activation; relu, a single call, stands in the loop itself.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from math import isfinite

import numpy as np
from numpy import maximum

from numpy_nn import activations
from numpy_nn._engine.arrays import Array, empty, full
from numpy_nn._engine.buffers import Parameters
from numpy_nn._engine.program import Operation, run
from numpy_nn.activations import Activation, Relu

HiddenLayer = tuple[Callable[[Array, Array], object], Array, Array, Array, tuple[Array], Operation | None]
"""`product`, `inputs`, `logits`, `zeros`, `outputs`, `activate`.

The layer is `product(inputs, logits)`, and then relu of `logits` or, if it isn't None, `activate()`. `inputs` ends with a one, for
the bias; `outputs` is in the tuple that a ufunc makes of its `out` anyway. A NamedTuple would take Python longer to unpack.
"""


class OneRow:
    """The forward pass over one row: `quietly(predict, x)`, or from any number of threads `in_turn(x)`."""

    def __init__(self, parameters: Parameters) -> None:
        quiet = copy_context()
        quiet.run(np.seterr, all="ignore")
        self.quietly = quiet.run
        """Calls a function in a context in which NumPy doesn't warn of overflow; entering `np.errstate` takes much longer.

        Only one thread can be in the context, and so use the buffers: a second one gets a RuntimeError, and calls `in_turn`.
        """
        self.predict = _make_predict(parameters)
        self._parameters = parameters
        self._spare: list[OneRow] = []

    def in_turn(self, x: Array) -> Array | None:
        """`predict(x)` for a thread that finds the buffers in use: in others, which are kept for the next one."""
        try:
            other = self._spare.pop()
        except IndexError:
            other = OneRow(self._parameters)
        outputs = other.quietly(other.predict, x)
        self._spare.append(other)
        return outputs


def _make_predict(parameters: Parameters) -> Callable[[Array], Array | None]:
    """The function from a row to its outputs; weights and buffers are its closure, which is read faster than attributes."""
    *hidden_layers, last = parameters.layers
    *kernels, last_kernel = parameters.matrices
    dtype = parameters.vector.dtype
    inputs = [full(layer.input_dim + 1, 1, dtype) for layer in parameters.layers]
    features, last_product = inputs[0][:-1], inputs[-1][: len(last_kernel)].reshape(1, -1).dot
    hidden = [
        _hidden_layer(
            activations.get(layer.activation), kernel, below[: len(kernel)], outputs[:-1], in_place=below is not inputs[0]
        )
        for layer, kernel, below, outputs in zip(hidden_layers, kernels, inputs, inputs[1:], strict=False)
    ]  # the first is not in place, so that its first logit can be read at the end
    first_logit = hidden[0][2][:1] if hidden else None
    activation = activations.get(last.activation)
    of_number = activation.of_number if last.output_dim == 1 else None
    column = empty((last.output_dim, 1), dtype)
    activate_column = activation.record_forward(column, column)

    def predict(x: Array) -> Array | None:
        """The outputs (1, outputs) for `x` (1, features) of the parameters' dtype, or None where a value may not be finite.

        The first layer's first logit shows it: a NaN or an infinity in `x` makes it one too, whatever its weight, since 0 · ∞ is
        NaN. A weight or an overflow can do the same; the caller finds out which it was.
        """
        features[...] = x
        for product, inputs, logits, zeros, out, activate in hidden:
            product(inputs, logits)
            if activate is None:
                maximum(logits, zeros, out=out)
            else:
                activate()
        outputs: Array = last_product(last_kernel)  # the one new array, which belongs to the caller
        if not isfinite(outputs.item(0) if first_logit is None else first_logit.item()):
            return None
        if of_number is not None:
            outputs[0, 0] = of_number(outputs.item())
        elif activate_column:
            column[...] = outputs.T
            run(activate_column)
            outputs[...] = column.T
        return outputs

    return predict


def _hidden_layer(activation: Activation, kernel: Array, inputs: Array, outputs: Array, *, in_place: bool) -> HiddenLayer:
    # In place means the same object: for another view of it, NumPy would first find out how the two overlap.
    logits = outputs if in_place else empty(outputs.shape, outputs.dtype)
    zeros, a = full(outputs.shape, 0, outputs.dtype), outputs[:, None]
    activate = None
    if not isinstance(activation, Relu):
        activate = partial(run, activation.record_forward(a if in_place else logits[:, None], a))
    return kernel.T.dot, inputs, logits, zeros, (outputs,), activate
