import numpy as np
import pytest

from numpy_nn._engine.arrays import CACHE_LINE_BYTES, empty, full, zeros


@pytest.mark.parametrize("dtype", [np.float32, np.float64, bool])
@pytest.mark.parametrize("shape", [5, (1,), (3, 7), (2, 3, 4)])
def test_an_array_begins_on_a_cache_line(shape: int | tuple[int, ...], dtype: type) -> None:
    for _ in range(10):
        array = empty(shape, dtype)
        assert array.ctypes.data % CACHE_LINE_BYTES == 0
        assert (array.shape, array.dtype) == (np.empty(shape).shape, dtype)
        assert array.flags.c_contiguous


def test_an_array_is_filled_with_a_value() -> None:
    np.testing.assert_array_equal(full((2, 3), 1.5, np.float32), np.full((2, 3), 1.5, np.float32))


def test_zeros_of_one_shape_are_shared_and_read_only() -> None:
    first = zeros((3, 4), np.float32)
    assert zeros((3, 4), "float32") is first
    assert zeros((3, 4), np.float64) is not first
    assert not first.any()
    with pytest.raises(ValueError, match="read-only"):
        first[0, 0] = 1
