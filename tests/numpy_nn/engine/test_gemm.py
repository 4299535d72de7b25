from collections.abc import Callable, Iterator
from itertools import product as pairs

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpy_nn._engine import tuning
from numpy_nn._engine.arrays import Array
from numpy_nn._engine.gemm import record_product, record_tiles, transposing_pays
from numpy_nn._engine.program import Operation, run
from numpy_nn._engine.tuning import Tuning

lengths = st.integers(1, 40) | st.integers(100, 700)


@pytest.fixture(autouse=True, scope="module")
def small_kernel() -> Iterator[None]:
    """Tiles, on every machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tuning, "this_machine", Tuning)
        yield


def matrix(rows: int, columns: int, *, transposed: bool, dtype: str, seed: int) -> Array:
    """Whole numbers, whose products and sums are exact."""
    numbers = np.random.default_rng(seed).integers(-4, 5, (columns, rows) if transposed else (rows, columns)).astype(dtype)
    return numbers.T if transposed else numbers


@given(
    m=lengths,
    k=lengths,
    n=lengths,
    transposed=st.tuples(st.booleans(), st.booleans()),
    dtype=st.sampled_from(["float32", "float64"]),
)
def test_a_product_is_what_it_would_be_in_one_call(m: int, k: int, n: int, transposed: tuple[bool, bool], dtype: str) -> None:
    left, right = (
        matrix(m, k, transposed=transposed[0], dtype=dtype, seed=1),
        matrix(k, n, transposed=transposed[1], dtype=dtype, seed=2),
    )
    out = np.full((m, n), np.nan, dtype)
    program = record_product(left, right, out)
    run(program)
    np.testing.assert_array_equal(out, left @ right)
    assert m * k * n > Tuning.small_product or transposed[1] or len(program) == 1


def tiles(operation: Operation) -> list[tuple[Array, Array, Array]]:
    """The operands and the result of each product of one call."""
    left, right, out = operation.args  # type: ignore[attr-defined]
    if out.ndim == 2:
        return [(left, right, out)]
    return [(left[0, i], right[j, 0], out[j, i]) for j, i in pairs(*map(range, out.shape[:2]))]


@pytest.mark.parametrize(("m", "k", "n"), [(128, 129, 128), (512, 512, 8), (1024, 1024, 32), (128, 128, 512), (512, 512, 128)])
def test_tiles_are_small_products_and_share_nothing(m: int, k: int, n: int) -> None:
    out = np.zeros((m, n), "float32")
    program = record_product(np.ones((m, k), "float32"), np.ones((k, n), "float32"), out)
    found = [tile for operation in program for tile in tiles(operation)]
    assert len(found) > 1
    for left, right, tile in found:
        assert len(left) * k * right.shape[1] <= Tuning.small_product
        tile += 1
    assert (out == 1).all()


@pytest.mark.parametrize(("m", "k", "n"), [(51, 304, 50), (129, 512, 128), (26, 900, 50), (65, 3_000, 64), (33, 4096, 32)])
def test_tiles_of_an_nt_product_have_small_results(m: int, k: int, n: int) -> None:
    out = np.zeros((m, n), "float32")
    program = record_product(np.ones((m, k), "float32"), np.ones((n, k), "float32").T, out)
    for _, _, tile in (tile for operation in program for tile in tiles(operation)):
        assert tile.size <= Tuning.small_nt_result
        assert tile.size * k <= Tuning.small_product
        tile += 1
    assert (out == 1).all()


@pytest.mark.parametrize(("m", "k", "n"), [(128, 129, 128), (512, 512, 8), (1024, 1025, 128), (129, 4096, 64)])
@pytest.mark.parametrize("transposed", [False, True])
def test_tiles_of_a_size_are_one_call_which_copies_nothing(m: int, k: int, n: int, transposed: bool) -> None:
    left, right, out = (
        matrix(m, k, transposed=transposed, dtype="float32", seed=1),
        np.ones((k, n), "float32"),
        np.empty((m, n), "float32"),
    )
    program = record_tiles(left, right, out, 32, 8)
    assert len(program) == 1 + (m % 32 > 0)
    for operation in program:
        for part, whole in zip(operation.args, (left, right, out), strict=True):  # type: ignore[attr-defined]
            assert np.shares_memory(part, whole)


@pytest.mark.parametrize(("m", "k", "n"), [(1024, 1024, 512), (257, 256, 2048), (1, 2000, 2000), (2000, 2000, 1), (2000, 1, 2000)])
def test_a_product_that_tiles_would_not_help_stays_whole(m: int, k: int, n: int) -> None:
    assert len(record_product(np.ones((m, k), "float32"), np.ones((k, n), "float32"), np.empty((m, n), "float32"))) == 1


def test_with_other_kernels_every_product_stays_whole(tune: Callable[..., None]) -> None:
    tune(small_product=0)
    left = np.ones((512, 512), "float32")
    assert len(record_product(left, left[:, :8].copy(), np.empty((512, 8), "float32"))) == 1


@pytest.mark.parametrize(
    ("inputs", "outputs", "rows", "pays"),
    [
        (51, 50, 32, True),
        (51, 50, 1, False),
        (25, 25, 32, False),
        (51, 50, 900, False),
        (51, 50, 255, True),
        (129, 128, 128, False),
        (513, 512, 8, True),
        (513, 512, 128, False),
        (3, 512, 32, False),
    ],
)
def test_deltas_are_transposed_for_small_products_with_large_results(inputs: int, outputs: int, rows: int, pays: bool) -> None:
    assert transposing_pays(inputs, outputs, rows) is pays


def test_nothing_is_adapted_to_a_small_kernel_that_is_not_there(tune: Callable[..., None]) -> None:
    tune(small_product=0)
    assert not transposing_pays(51, 50, 32)
