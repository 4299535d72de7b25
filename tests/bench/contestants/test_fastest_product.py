import tracemalloc

import numpy as np
import pytest

from bench.contestants import fastest_product
from bench.contestants.fastest_product import Product, Way, calls, fastest, fastest_way, matrix, quickest_seconds, ways
from numpy_nn.tape import play

SHAPES = [(1, 1, 1), (1, 7, 5), (7, 1, 5), (7, 5, 1), (13, 13, 3), (37, 11, 29), (64, 16, 32), (5, 150, 9)]


@pytest.fixture
def small_tiles(monkeypatch):
    """Products of a few thousand multiplications are already large enough for tiles, so that a test needs no large ones."""
    monkeypatch.setattr(fastest_product, "SMALL_PRODUCT", 2_000)


def product_of(shape, dtype="float64"):
    rows, columns, length = shape
    rng = np.random.default_rng(1)
    left, right = rng.standard_normal((rows, length)), rng.standard_normal((length, columns))
    return left @ right, Product(matrix(left, dtype), matrix(right, dtype), matrix(np.zeros((rows, columns)), dtype))


def result(product, way):
    return product.out.stored("F" if way.turned else "C", way.gaps)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_way_gives_the_product(shape, dtype, small_tiles):
    for way in ways(shape, dtype):
        expected, product = product_of(shape, dtype)
        play(calls(product, way))
        np.testing.assert_allclose(result(product, way), expected, rtol=0, atol=1e-12 if dtype == "float64" else 1e-4, err_msg=way)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_tiles_are_small_products_and_cover_the_result_once(shape, small_tiles):
    for way in ways(shape, "float64"):
        _, product = product_of(shape)
        for left, right, out in map(operands, calls(product, way)):
            assert way.tile is None or left.shape[0] * right.shape[1] * left.shape[1] <= 2_000
            out += 1
        assert np.all(result(product, way) == 1)


def operands(call):
    """The arguments of `np.matmul`, and of an array's `dot`, which is bound to its left operand."""
    return call.args if len(call.args) == 3 else (call.func.__self__, *call.args)


def test_only_what_is_no_small_product_but_not_too_large_either_is_computed_in_tiles():
    def tiled(*shape):
        return any(way.tile for way in ways(shape, "float32"))

    assert not tiled(100, 100, 100)
    assert tiled(101, 100, 100)
    assert tiled(512, 8, 512)
    assert not tiled(1024, 1024, 1024)


def test_no_way_copies_its_operands(small_tiles):
    shape = 60, 50, 40
    for way in ways(shape, "float64"):
        _, product = product_of(shape)
        tape = calls(product, way)
        play(tape)
        tracemalloc.start()
        play(tape)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < min(60 * 40, 40 * 50) * 8 / 10, way


def test_what_would_be_the_same_call_again_is_left_out():
    assert {way.turned for way in ways((16, 32, 48), "float32")} == {False, True}
    assert {way.turned for way in ways((16, 16, 48), "float32")} == {False}  # a square result: BLAS gets the same, both turned
    assert {way.gaps for way in ways((16, 32, 48), "float32")} == {False}  # whole vectors: there is no gap
    assert {way.gaps for way in ways((16, 32, 50), "float32")} == {False, True}
    assert list(ways((16, 1, 16), "float32")) == [
        Way(turned, left, right, gaps, None)
        for turned, orders in ((False, ("CC", "FC")), (True, ("CC", "CF")))
        for left, right in orders
        for gaps in (False, True)
    ]


@pytest.mark.parametrize("gaps", [True, False])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_matrix_begins_on_a_cache_line_and_with_gaps_each_of_its_rows_does(order, gaps):
    values = np.arange(35.0).reshape(5, 7)
    array = matrix(values, "float32").stored(order, gaps)
    np.testing.assert_array_equal(array, values)
    along, across = array.strides[::-1] if order == "C" else array.strides
    assert along == 4
    assert array.ctypes.data % 64 == 0
    assert across == (64 if gaps else 4 * (7 if order == "C" else 5))


def test_a_turned_matrix_and_a_share_of_its_columns_are_the_same_memory():
    values = np.arange(35.0).reshape(5, 7)
    whole = matrix(values, "float64")
    shares = [whole.column_share(number, 3) for number in range(3)]
    assert [share.columns for share in shares] == [2, 2, 3]
    assert (whole.T.rows, whole.T.columns) == (7, 5)
    for order, other in ("CF", "FC"):
        assert np.shares_memory(whole.T.stored(order, False), whole.stored(other, False))
        np.testing.assert_array_equal(whole.T.stored(order, False), values.T)
        np.testing.assert_array_equal(np.hstack([share.stored(order, False) for share in shares]), values)
        assert all(np.shares_memory(share.stored(order, False), whole.stored(order, False)) for share in shares)


def test_the_fastest_is_found_and_the_slow_ones_get_fewer_turns():
    turns = dict.fromkeys(range(20), 0)

    def stopwatch(number):
        def run(seconds):
            turns[number] += 1
            return abs(number - 7) + 1.0

        return run

    assert fastest({number: stopwatch(number) for number in turns}, 1e-3) == 7
    assert [turns[number] for number in (4, 5, 7, 9, 10)] == [3, 6, 6, 6, 3]  # 20, then 5, and then it is decided


def test_a_round_ends_when_its_time_is_over(monkeypatch):
    now = iter(range(1000))
    monkeypatch.setattr(fastest_product, "perf_counter", lambda: next(now))
    turns = []
    fastest({"a": lambda _: turns.append("a") or 1.0, "b": lambda _: turns.append("b") or 2.0}, 0.0)
    assert turns == ["a", "b"]


def test_the_quickest_call_counts_and_there_is_at_least_one(monkeypatch):
    clock = iter([0.0, 5.0, 6.0, 8.0, 9.0, 20.0])
    monkeypatch.setattr(fastest_product, "perf_counter", lambda: next(clock))
    assert quickest_seconds(lambda: None, 10.0) == 2.0
    clock = iter([0.0, 5.0])
    assert quickest_seconds(lambda: None, 0.0) == 5.0


def test_the_fastest_way_is_one_of_the_candidates():
    candidates = list(ways((6, 5, 4), "float32"))[2:4]
    assert fastest_way((6, 5, 4), "float32", candidates) in candidates
