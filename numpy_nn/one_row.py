"""The network's outputs for a single row, in microseconds: the same formulas over vectors, one layer after the other.

Called by `Sequential.predict`. With so few numbers all of the time goes into calls, NumPy's (0.3 µs each) and Python's (0.06). So a
layer is one product, its bias included, and one activation; relu, being a single call, stands in the loop itself.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from math import isfinite

import numpy as np
from numpy import maximum

from numpy_nn import activations
from numpy_nn.activations import Activation, Relu
from numpy_nn.parameters import Parameters
from numpy_nn.tape import Array, Operation, empty, full, play

HiddenLayer = tuple[Callable[[Array, Array], object], Array, Array, Array, tuple[Array], Operation | None]
"""`product`, `inputs`, `logits`, `zeros`, `above`, `activate`.

The layer is `product(inputs, logits)`, and then relu of `logits` or, if that isn't None, `activate()`. `inputs` ends with a one,
for the bias; `above` is the layer's outputs, in the tuple that a ufunc makes of its `out` anyway. It is no NamedTuple, which takes
Python longer to unpack: 0.2 µs for four layers.
"""


class OneRow:
    """The forward pass over one row: `quietly(answer, x)`."""

    def __init__(self, parameters: Parameters) -> None:
        quiet = copy_context()
        quiet.run(np.seterr, all="ignore")
        self.quietly = quiet.run
        """Calls a function in a context in which NumPy keeps quiet about overflow; `np.errstate` would cost ten times as much.

        Only one thread can be in it, and so at the buffers: a second is refused with a RuntimeError.
        """
        self.answer = _forward(parameters)


def _forward(parameters: Parameters) -> Callable[[Array], Array | None]:
    """The function from a row to its outputs.

    The weights are read in place, and the buffers made once: variables around the function, where an object's attributes would cost
    0.1 µs.
    """
    *hidden_layers, last = parameters.layers
    *kernels, last_kernel = parameters.matrices
    dtype = parameters.vector.dtype
    inputs = [full(layer.input_dim + 1, 1, dtype) for layer in parameters.layers]
    features, last_product = inputs[0][:-1], inputs[-1].reshape(1, -1).dot
    hidden = [
        _hidden_layer(activations.get(layer.activation), kernel, below, above[:-1], in_place=below is not inputs[0])
        for layer, kernel, below, above in zip(hidden_layers, kernels, inputs, inputs[1:], strict=False)
    ]  # the first isn't in place, so that its first logit can still be read when all is done
    first_logit = hidden[0][2][:1] if hidden else None
    activation = activations.get(last.activation)
    of_number = activation.of_number if last.output_dim == 1 else None
    column = empty((last.output_dim, 1), dtype)
    activate_column = activation.forward(column, column)

    def answer(x: Array) -> Array | None:
        """The outputs (1, outputs) for `x` (1, features) of the parameters' dtype, or None where a value may not be finite.

        The first layer's first logit tells: a NaN or an infinity in `x` makes it one too, whatever its weight, since 0 · ∞ is NaN.
        A weight or an overflow can do the same; which it was is for the caller to find out.
        """
        features[...] = x
        for product, inputs, logits, zeros, above, activate in hidden:
            product(inputs, logits)
            if activate is None:
                maximum(logits, zeros, out=above)
            else:
                activate()
        outputs: Array = last_product(last_kernel)  # the one array that is made, to be given away
        if not isfinite(outputs.item(0) if first_logit is None else first_logit.item()):
            return None
        if of_number is not None:
            outputs[0, 0] = of_number(outputs.item())
        elif activate_column:
            column[...] = outputs.T
            play(activate_column)
            outputs[...] = column.T
        return outputs

    return answer


def _hidden_layer(activation: Activation, kernel: Array, inputs: Array, above: Array, *, in_place: bool) -> HiddenLayer:
    # In place means the same object, not another view of it, for which NumPy would first look how the two overlap.
    logits = above if in_place else empty(above.shape, above.dtype)
    zeros, a = full(above.shape, 0, above.dtype), above[:, None]
    activate = None if isinstance(activation, Relu) else partial(play, activation.forward(a if in_place else logits[:, None], a))
    return kernel.T.dot, inputs, logits, zeros, (above,), activate
