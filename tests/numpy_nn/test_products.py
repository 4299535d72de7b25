from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpy_nn import products
from numpy_nn.blas import SMALL_PRODUCT, SMALL_TURNED_RESULT
from numpy_nn.products import multiply
from numpy_nn.tape import Array, play

lengths = st.integers(1, 40) | st.integers(100, 700)


@pytest.fixture(autouse=True, scope="module")
def small_kernel() -> Iterator[None]:
    """Tiles, on every machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(products, "has_small_kernel", lambda: True)
        yield


def matrix(rows: int, columns: int, *, across: bool, dtype: str, seed: int) -> Array:
    """Whole numbers, whose products and sums are exact."""
    numbers = np.random.default_rng(seed).integers(-4, 5, (columns, rows) if across else (rows, columns)).astype(dtype)
    return numbers.T if across else numbers


@given(
    m=lengths, k=lengths, n=lengths, across=st.tuples(st.booleans(), st.booleans()), dtype=st.sampled_from(["float32", "float64"])
)
def test_a_product_is_what_it_would_be_in_one_call(m: int, k: int, n: int, across: tuple[bool, bool], dtype: str) -> None:
    left, right = matrix(m, k, across=across[0], dtype=dtype, seed=1), matrix(k, n, across=across[1], dtype=dtype, seed=2)
    out = np.full((m, n), np.nan, dtype)
    tape = multiply(left, right, out)
    play(tape)
    np.testing.assert_array_equal(out, left @ right)
    assert m * k * n > SMALL_PRODUCT or across[1] or len(tape) == 1


@pytest.mark.parametrize(("m", "k", "n"), [(128, 129, 128), (512, 512, 8), (1024, 1024, 32), (128, 128, 512), (512, 512, 128)])
def test_tiles_are_small_products_and_share_nothing(m: int, k: int, n: int) -> None:
    out = np.zeros((m, n), "float32")
    tape = multiply(np.ones((m, k), "float32"), np.ones((k, n), "float32"), out)
    tiles = [operation.args for operation in tape]  # type: ignore[attr-defined]
    assert len(tiles) > 1
    for left, right, tile in tiles:
        assert len(left) * k * right.shape[1] <= SMALL_PRODUCT
        tile += 1
    assert (out == 1).all()


@pytest.mark.parametrize(("m", "k", "n"), [(51, 304, 50), (129, 512, 128), (26, 900, 50), (65, 3_000, 64), (33, 1024, 32)])
def test_where_both_operands_lie_along_the_sum_tiles_have_small_results(m: int, k: int, n: int) -> None:
    out = np.zeros((m, n), "float32")
    tape = multiply(np.ones((m, k), "float32"), np.ones((n, k), "float32").T, out)
    for operation in tape:
        tile = operation.args[2]  # type: ignore[attr-defined]
        assert tile.size <= SMALL_TURNED_RESULT
        assert tile.size * k <= SMALL_PRODUCT
        tile += 1
    assert (out == 1).all()


@pytest.mark.parametrize(("m", "k", "n"), [(1024, 1024, 128), (1, 2_000, 2_000), (2_000, 2_000, 1), (2_000, 1, 2_000)])
def test_a_product_that_tiles_would_not_help_stays_whole(m: int, k: int, n: int) -> None:
    assert len(multiply(np.ones((m, k), "float32"), np.ones((k, n), "float32"), np.empty((m, n), "float32"))) == 1


def test_with_other_kernels_every_product_stays_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "has_small_kernel", lambda: False)
    left = np.ones((512, 512), "float32")
    assert len(multiply(left, left[:, :8].copy(), np.empty((512, 8), "float32"))) == 1
