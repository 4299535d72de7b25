import math

import numpy as np
import pytest

from numpy_nn._engine.erf import record_normal_cdf
from numpy_nn._engine.program import run


@pytest.mark.parametrize(("dtype", "most"), [(np.float32, 1e-6), (np.float64, 1e-14)])
def test_it_is_the_normal_distributions_to_the_tail(dtype: type, most: float) -> None:
    z = np.linspace(-5, 9, 20_001).astype(dtype)
    phi = np.empty_like(z)
    run(record_normal_cdf(z, phi))
    np.testing.assert_allclose(phi, [math.erfc(-x / math.sqrt(2)) / 2 for x in z.tolist()], rtol=most)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_its_ends_are_0_and_1_and_both_zeros_are_one_half(dtype: type) -> None:
    z = np.array([-1e30, -60, -0.0, 0.0, 60, 1e30], dtype)
    phi = np.empty_like(z)
    with np.errstate(over="ignore", under="ignore"):
        run(record_normal_cdf(z, phi))
    np.testing.assert_allclose(phi, [0, 0, 0.5, 0.5, 1, 1], atol=0)
