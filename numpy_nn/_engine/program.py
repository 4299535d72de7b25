"""A recorded program: a training step as a list of array operations, bound to their arrays once and run many times.

Activations, losses and optimizers record the operations that they need; `forward`, `backward` and `fused_update` put them in order.
An operation is a NumPy function with its arguments bound, its output last, so that running it allocates nothing. Operations use
array methods (`a.dot`, `a.__setitem__`) rather than `np.dot` and `np.copyto`, which look for other kinds of arrays first.
"""

from __future__ import annotations

from collections.abc import Callable

from numpy_nn._engine.arrays import Array

Operation = Callable[[], object]
Program = list[Operation]


def run(program: Program) -> None:
    """Carry out the operations of `program`, in order."""
    for operation in program:
        operation()


def into(ufunc: Callable[..., object], left: Array, right: Array, out: Array) -> Operation:
    """`ufunc(left, right, out=out)`, for a ufunc that needs `out` by name; a lambda is faster here than a `partial`."""
    return lambda: ufunc(left, right, out=out)
