import tracemalloc

import numpy as np
import pytest
from floor_products import operands, some_product

from bench.contestants.floor import products
from bench.contestants.floor.products import fastest_way, program_of, quickest_seconds, ways
from bench.contestants.floor.threads import run


@pytest.fixture
def small_tiles(monkeypatch):
    """Products of a few thousand multiplications are already large enough for tiles, so that a test needs no large ones."""
    monkeypatch.setattr(products, "SMALL_PRODUCT", 2_000)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 7, 5), (7, 1, 5), (37, 11, 29), (64, 16, 32), (5, 150, 9), (70, 70, 1)])
@pytest.mark.parametrize("order", ["CCC", "FCC", "CFF", "FFF"])
def test_every_way_gives_the_product(shape, order, small_tiles):
    product = some_product(*shape, order)
    expected = product.left @ product.right
    for way in ways(product):
        product.out.fill(np.nan)
        run(program_of(product, way))
        np.testing.assert_allclose(product.out, expected, rtol=0, atol=1e-12, err_msg=str(way))


@pytest.mark.parametrize("tile", [False, True])
@pytest.mark.parametrize("order", ["CCC", "FCC", "CFF", "FFF"])
def test_no_way_copies_its_operands(order, tile, small_tiles):
    product = some_product(60, 50, 40, order)
    product = product.columns(0, 2) if tile else product
    for way in ways(product):
        program = program_of(product, way)
        run(program)
        tracemalloc.start()
        run(program)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < min(each.nbytes for each in product) / 5, way


def test_a_product_is_computed_whole_or_in_tiles_that_are_small_products_and_cover_the_result_once(small_tiles):
    product = some_product(37, 70, 9)
    assert ways(product)[:2] == [(37, 70), None]
    assert ways(product, tiled=False) == [(37, 70), None]
    assert len(ways(product)) > 2
    for way in ways(product)[2:]:
        product.out.fill(0)
        for left, right, out in map(operands, program_of(product, way)):
            assert left.shape[0] * right.shape[1] * left.shape[1] <= 2_000
            out += 1
        assert np.all(product.out == 1)


def test_only_what_is_no_small_product_but_not_too_large_either_is_computed_in_tiles():
    def tiled(rows, columns, length):
        return len(ways(some_product(rows, columns, length))) > 2

    assert not tiled(100, 100, 100)
    assert tiled(101, 100, 100)
    assert tiled(512, 8, 512)
    assert not tiled(1024, 512, 512)


def test_some_of_the_columns_are_never_computed_by_dot_where_that_would_copy_them():
    product = some_product(20, 6, 5)
    by_rows = product.columns(1, 2)
    assert ways(by_rows) == [(20, 3)]
    by_columns = some_product(20, 6, 5, "FFF").columns(1, 2)
    assert ways(by_columns) == [(3, 20), None]  # rows of the memory that follow one another


def test_the_ways_alternate_and_the_quickest_at_its_best_is_found(monkeypatch):
    turns = []
    seconds = {"slow": iter([5.0] * 5), "mixed": iter([9.0, 9.0, 1.0, 9.0, 9.0]), "even": iter([2.0] * 5)}
    monkeypatch.setattr(products, "program_of", lambda _, way: [way])
    monkeypatch.setattr(products, "perf_counter", lambda: 0.0)

    def stopwatch(call, _):
        (way,) = call.args[0]
        turns.append(way)
        return next(seconds[way])

    monkeypatch.setattr(products, "quickest_seconds", stopwatch)
    assert fastest_way(some_product(), list(seconds)) == ("mixed", 1.0)
    assert turns == ["slow", "mixed", "even"] * products.ROUNDS


def test_long_products_are_measured_in_fewer_rounds(monkeypatch):
    now = iter(range(1000))
    turns = []
    monkeypatch.setattr(products, "perf_counter", lambda: next(now))
    monkeypatch.setattr(products, "quickest_seconds", lambda *_: turns.append(1) or 1.0)
    fastest_way(some_product(), [(1, 1), None])
    assert len(turns) == 2


def test_the_quickest_call_counts_and_there_is_at_least_one(monkeypatch):
    clock = iter([0.0, 5.0, 6.0, 8.0, 9.0, 20.0])
    monkeypatch.setattr(products, "perf_counter", lambda: next(clock))
    assert quickest_seconds(lambda: None, 10.0) == 2.0
    clock = iter([0.0, 5.0])
    assert quickest_seconds(lambda: None, 0.0) == 5.0
