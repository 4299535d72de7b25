"""The normal distribution's cumulative distribution function Φ, which NumPy doesn't have, as recorded operations.

Called by `activations.Gelu`. With x = |z| / √2, erfc(x) = exp(−x²) P(t) / (1 + 2x) for t = (x − 3) / (x + 3), as in Shepherd and
Laframboise, "Chebyshev Approximation of (1 + 2x) exp(x²) erfc x in 0 ≤ x < ∞" (1981).
The polynomials are fitted to SciPy's `erfcx`.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from numpy_nn._engine.arrays import Array, scalar
from numpy_nn._engine.program import Program

CENTER = 3.0
SINGLE = (
    7.731024229e-05,
    -9.254516682e-05,
    -0.0007264536791,
    0.001875079124,
    0.00249911687,
    -0.02376357644,
    0.06831656777,
    -0.1192752753,
    0.1296441143,
    -0.04756215693,
    -0.1356210694,
    1.253008056,
)
"""P for float32, highest power first: relative error 5e-9."""
DOUBLE = (
    -3.016125013118805e-09,
    -7.5557262647948842e-09,
    2.6963785810600058e-08,
    8.7210816013824524e-08,
    -1.1851159041085926e-07,
    -5.9539910523477157e-07,
    3.3404105741565856e-07,
    3.4530442137016897e-06,
    -7.1661546706584669e-07,
    -2.0089034905234804e-05,
    4.942972495706626e-06,
    0.00012509484024036255,
    -0.00010515791590322789,
    -0.00077983113459241125,
    0.0018886900108737524,
    0.0025293916400249417,
    -0.023770514880143558,
    0.068308027359218579,
    -0.11927366341755924,
    0.12964515870214594,
    -0.047562294353396761,
    -0.13562110612457381,
    1.2530080582697301,
)
"""P for float64: relative error 2e-15."""


def record_normal_cdf(z: Array, phi: Array) -> Program:
    """Operations that write Φ(z) into `phi`, which must not be `z`; small values keep their digits."""
    dtype = z.dtype
    highest, *others = SINGLE if dtype == np.float32 else DOUBLE
    x, t, tail = np.empty_like(z), np.empty_like(z), phi
    program: Program = [
        partial(np.absolute, z, x),
        partial(np.multiply, x, scalar(math.sqrt(0.5), dtype), x),
        partial(np.add, x, scalar(CENTER, dtype), tail),
        partial(np.subtract, x, scalar(CENTER, dtype), t),
        partial(np.divide, t, tail, t),
        partial(np.multiply, t, scalar(highest, dtype), tail),
    ]
    for coefficient in others[:-1]:
        program += [partial(np.add, tail, scalar(coefficient, dtype), tail), partial(np.multiply, tail, t, tail)]
    return [
        *program,
        partial(np.add, tail, scalar(others[-1], dtype), tail),
        # P / (2 (1 + 2x)) exp(−x²) is half of erfc.
        partial(np.multiply, x, scalar(4, dtype), t),
        partial(np.add, t, scalar(2, dtype), t),
        partial(np.divide, tail, t, tail),
        partial(np.multiply, z, z, x),
        partial(np.multiply, x, scalar(-0.5, dtype), x),
        partial(np.exp, x, x),
        partial(np.multiply, tail, x, tail),
        # Φ is the tail below 0, and 1 less the tail above.
        partial(np.add, z, scalar(0, dtype), x),  # of the two zeros +0
        partial(np.copysign, tail, x, tail),
        partial(np.heaviside, x, scalar(1, dtype), x),
        partial(np.subtract, x, tail, phi),
    ]
