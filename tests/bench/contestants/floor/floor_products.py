"""Products for the floor's tests, and what a call of one is made of."""

import numpy as np

from bench.contestants.floor.products import Product


def some_product(rows=1, columns=1, length=1, order="CCC"):
    rng = np.random.default_rng(1)
    sizes = (rows, length), (length, columns), (rows, columns)
    return Product(*(np.asarray(rng.standard_normal(size), order=each) for size, each in zip(sizes, order, strict=True)))


def operands(call):
    """The arguments of `np.matmul`, and of an array's `dot`, which is bound to its left operand."""
    return call.args if len(call.args) == 3 else (call.func.__self__, *call.args)
