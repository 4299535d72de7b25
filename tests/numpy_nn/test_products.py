from collections.abc import Iterator
from itertools import product as pairs

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpy_nn import products
from numpy_nn.blas import SMALL_PRODUCT, SMALL_TURNED_RESULT
from numpy_nn.products import in_tiles, multiply
from numpy_nn.tape import Array, Operation, play

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


def tiles(operation: Operation) -> list[tuple[Array, Array, Array]]:
    """The operands and the result of each product of one call."""
    left, right, out = operation.args  # type: ignore[attr-defined]
    if out.ndim == 2:
        return [(left, right, out)]
    return [(left[0, i], right[j, 0], out[j, i]) for j, i in pairs(*map(range, out.shape[:2]))]


@pytest.mark.parametrize(("m", "k", "n"), [(128, 129, 128), (512, 512, 8), (1024, 1024, 32), (128, 128, 512), (512, 512, 128)])
def test_tiles_are_small_products_and_share_nothing(m: int, k: int, n: int) -> None:
    out = np.zeros((m, n), "float32")
    tape = multiply(np.ones((m, k), "float32"), np.ones((k, n), "float32"), out)
    found = [tile for operation in tape for tile in tiles(operation)]
    assert len(found) > 1
    for left, right, tile in found:
        assert len(left) * k * right.shape[1] <= SMALL_PRODUCT
        tile += 1
    assert (out == 1).all()


@pytest.mark.parametrize(("m", "k", "n"), [(51, 304, 50), (129, 512, 128), (26, 900, 50), (65, 3_000, 64), (33, 4096, 32)])
def test_where_both_operands_lie_along_the_sum_tiles_have_small_results(m: int, k: int, n: int) -> None:
    out = np.zeros((m, n), "float32")
    tape = multiply(np.ones((m, k), "float32"), np.ones((n, k), "float32").T, out)
    for _, _, tile in (tile for operation in tape for tile in tiles(operation)):
        assert tile.size <= SMALL_TURNED_RESULT
        assert tile.size * k <= SMALL_PRODUCT
        tile += 1
    assert (out == 1).all()


@pytest.mark.parametrize(("m", "k", "n"), [(128, 129, 128), (512, 512, 8), (1024, 1025, 128), (129, 4096, 64)])
@pytest.mark.parametrize("across", [False, True])
def test_tiles_of_a_size_are_one_call_which_copies_nothing(m: int, k: int, n: int, across: bool) -> None:
    left, right, out = matrix(m, k, across=across, dtype="float32", seed=1), np.ones((k, n), "float32"), np.empty((m, n), "float32")
    tape = in_tiles(left, right, out, 32, 8)
    assert len(tape) == 1 + (m % 32 > 0)
    for operation in tape:
        for part, whole in zip(operation.args, (left, right, out), strict=True):  # type: ignore[attr-defined]
            assert np.shares_memory(part, whole)


@pytest.mark.parametrize(("m", "k", "n"), [(1024, 1024, 512), (257, 256, 2048), (1, 2000, 2000), (2000, 2000, 1), (2000, 1, 2000)])
def test_a_product_that_tiles_would_not_help_stays_whole(m: int, k: int, n: int) -> None:
    assert len(multiply(np.ones((m, k), "float32"), np.ones((k, n), "float32"), np.empty((m, n), "float32"))) == 1


def test_with_other_kernels_every_product_stays_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "has_small_kernel", lambda: False)
    left = np.ones((512, 512), "float32")
    assert len(multiply(left, left[:, :8].copy(), np.empty((512, 8), "float32"))) == 1
