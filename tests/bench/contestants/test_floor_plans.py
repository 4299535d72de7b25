import tracemalloc
from dataclasses import replace
from itertools import chain, pairwise

import numpy as np
import pytest
from contestant_trials import make_task

from bench.contestants import floor_plans
from bench.contestants.floor_plans import LAYOUTS, Layout, Plan, Planner, Product, calls, fastest_way, quickest_seconds, ways
from numpy_nn._engine.blas import blas_threads
from numpy_nn._engine.program import run as play

TASK = make_task((2, 5, 4, 1), ("relu", "relu", "sigmoid"))
LAYERS = 3


@pytest.fixture
def measured(monkeypatch):
    """What is looked for a product of each shape: its candidates. The first one is taken, and nothing is measured."""
    asked = []

    def first(product, candidates):
        asked.append((product.out.shape, list(candidates)))
        return candidates[0], 1.0

    monkeypatch.setattr(floor_plans, "fastest_way", first)
    return asked


@pytest.fixture
def small_tiles(monkeypatch):
    """Products of a few thousand multiplications are already large enough for tiles, so that a test needs no large ones."""
    monkeypatch.setattr(floor_plans, "SMALL_PRODUCT", 2_000)


def some_product(rows=1, columns=1, length=1, order="CCC"):
    rng = np.random.default_rng(1)
    sizes = (rows, length), (length, columns), (rows, columns)
    return Product(*(np.asarray(rng.standard_normal(size), order=each) for size, each in zip(sizes, order, strict=True)))


def operands(call):
    """The arguments of `np.matmul`, and of an array's `dot`, which is bound to its left operand."""
    return call.args if len(call.args) == 3 else (call.func.__self__, *call.args)


def batch_sizes(tape):
    """Rows of the samples, in the order of the forward products of the first layer."""
    firsts = [(left, right) for left, right, out in map(operands, tape) if 5 in out.shape and left.shape[1] == 2]
    return [left.shape[0] if right.shape == (2, 5) else right.shape[1] for left, right in firsts]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_step_is_the_products_of_a_network_in_any_layout(layout):
    shapes = [(*product.out.shape, product.left.shape[1]) for product in Planner(TASK).products(20, layout)]
    forward = [(20, 5, 2), (20, 4, 5), (20, 1, 4)]
    # From the output down: the kernel's gradient, and the activations' but for the first layer.
    backward = [(4, 1, 20), (20, 4, 1), (5, 4, 20), (20, 5, 4), (2, 5, 20)]
    assert shapes == forward + backward


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_matrix_lies_one_way_for_the_whole_step(layout):
    products = Planner(TASK).products(20, layout)
    forward, backward = products[:LAYERS], products[LAYERS:]
    by_columns = [product.out.flags.f_contiguous for product in (forward[0], forward[1], backward[3])]
    assert by_columns == [layout.columns] * 3
    assert [product.out.flags.f_contiguous for product in (backward[2], backward[4])] == [layout.out_first] * 2
    assert [forward[number].right.flags.f_contiguous for number in (0, 1)] == [layout.out_first] * 2
    # What a network would hand on is the same memory: activations, the activations' gradient, kernels turned.
    assert all(after.left is before.out for before, after in pairwise(forward))
    assert backward[1].out is backward[2].right
    assert all(np.shares_memory(backward[2 * turn].left, forward[-1 - turn].left) for turn in range(LAYERS))
    assert all(np.shares_memory(backward[2 * turn + 1].right, forward[-1 - turn].right) for turn in range(LAYERS - 1))
    assert not any(np.shares_memory(one.out, two.right) for one in products for two in forward)  # no kernel is written over


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 7, 5), (7, 1, 5), (37, 11, 29), (64, 16, 32), (5, 150, 9), (70, 70, 1)])
@pytest.mark.parametrize("order", ["CCC", "FCC", "CFF", "FFF"])
def test_every_way_gives_the_product(shape, order, small_tiles):
    product = some_product(*shape, order)
    expected = product.left @ product.right
    for way in ways(product):
        product.out.fill(np.nan)
        play(calls(product, way))
        np.testing.assert_allclose(product.out, expected, rtol=0, atol=1e-12, err_msg=str(way))


@pytest.mark.parametrize("share", [False, True])
@pytest.mark.parametrize("order", ["CCC", "FCC", "CFF", "FFF"])
def test_no_way_copies_its_operands(order, share, small_tiles):
    product = some_product(60, 50, 40, order)
    product = product.column_share(0, 2) if share else product
    for way in ways(product):
        tape = calls(product, way)
        play(tape)
        tracemalloc.start()
        play(tape)
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
        for left, right, out in map(operands, calls(product, way)):
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


def test_a_share_of_the_columns_is_never_computed_by_dot_where_that_would_copy_it():
    product = some_product(20, 6, 5)
    by_rows = product.column_share(1, 2)
    assert ways(by_rows) == [(20, 3)]
    by_columns = some_product(20, 6, 5, "FFF").column_share(1, 2)
    assert ways(by_columns) == [(3, 20), None]  # rows of the memory that follow one another


@pytest.mark.parametrize(("rows", "parts", "sizes"), [(20, 1, [20]), (20, 3, [7, 7, 6]), (20, 4, [5, 5, 5, 5])])
def test_the_parts_of_a_batch_have_all_of_its_rows(rows, parts, sizes, measured):
    (tape,) = Planner(TASK).in_parts(rows, parts, 1).tapes
    assert batch_sizes(tape) == sizes
    assert len(tape) == parts * (3 * LAYERS - 1)
    assert measured[0][0] == (sizes[0], 5)  # looked for at a part's size


def test_each_thread_has_a_share_of_the_batch(measured):
    plan = Planner(replace(TASK, threads=3)).in_parts(20, 2, 1, side_by_side=3)
    assert [batch_sizes(tape) for tape in plan.tapes] == [[4, 3], [4, 3], [3, 3]]
    assert plan.blas_threads == 1


@pytest.mark.parametrize("choice", [0, -1])
def test_the_columns_of_every_result_are_shared_out_and_no_thread_computes_an_empty_one(choice, monkeypatch):
    monkeypatch.setattr(floor_plans, "fastest_way", lambda _, candidates: (candidates[choice], 1.0))
    plan = Planner(replace(TASK, threads=2)).in_column_shares(20, 2)
    first, second = (list(map(operands, tape)) for tape in plan.tapes)
    assert (len(first), len(second)) == (6, 8)  # the output's forward product and its kernel's gradient have a single column
    results = [Product(*each).out for each in chain(first, second)]
    assert not any(np.shares_memory(one, other) for number, one in enumerate(results) for other in results[:number])
    assert sum(result.size for result in results) == sum(product.out.size for product in Planner(TASK).products(20, LAYOUTS[0]))
    assert plan.blas_threads == 1


def test_the_layout_is_the_one_whose_products_take_the_least_time_together(monkeypatch):
    def seconds(product, candidates):
        likes_columns = product.out.shape == (3, 7)  # the kernel's gradient; the forward product's result is (5, 7)
        return candidates[0], 1.0 if product.out.flags.f_contiguous == likes_columns else 2.0

    monkeypatch.setattr(floor_plans, "fastest_way", seconds)
    planner = Planner(make_task((3, 7), ("relu",)))
    assert planner.in_parts(5, 1, 1).layout == Layout(columns=False, out_first=True)
    assert planner.in_parts(5, 1, 1, layouts=LAYOUTS[:1]).layout == LAYOUTS[0]


def test_products_that_lie_alike_are_measured_once(measured):
    planner = Planner(make_task((3, 3, 3, 3), ("relu", "relu", "linear")))
    planner.in_parts(3, 1, 1, layouts=LAYOUTS[:1])
    assert len(measured) == 3  # forward, the kernels' gradients, the activations'
    planner.in_parts(3, 1, 1, layouts=LAYOUTS[:1])
    assert len(measured) == 3


def test_with_more_threads_of_the_blas_tiles_are_those_that_one_thread_is_the_fastest_with(measured):
    planner = Planner(make_task((200, 200), ("relu",)))
    planner.in_parts(200, 1, 2, layouts=LAYOUTS[:1])
    (_, alone), (_, together), *_ = measured
    assert len(alone) > 2
    assert together == [alone[0], (200, 200), None]


@pytest.mark.parametrize(
    ("threads", "rows", "plans"),
    [
        (1, 20, [""]),
        (1, 300, ["", ", a batch in 2 parts", ", a batch in 3 parts"]),
        (
            2,
            20,
            [
                "",
                ", the BLAS on 2 threads",
                ", a batch in 2 parts, on 2 threads side by side",
                ", each of 2 threads with its columns of every result",
            ],
        ),
        (2, 1, ["", ", the BLAS on 2 threads"]),  # nothing to share out
    ],
)
def test_every_plan_is_tried_and_the_fastest_is_kept(threads, rows, plans, measured, monkeypatch):
    tried = []

    def quickest_seconds(plan):
        tried.append(plan.how)
        return -len(tried)

    monkeypatch.setattr(Plan, "quickest_seconds", quickest_seconds)
    plan = Planner(replace(TASK, threads=threads)).fastest_plan(rows)
    assert tried == plans
    assert plan.how == plans[-1]


def test_parts_whose_products_would_be_too_large_for_tiles_are_not_tried():
    wide = Planner(make_task((2048, 1024), ("relu",), samples=8, batch_size=8))
    assert wide._part_counts(4096) == [1]
    assert Planner(TASK)._part_counts(4096) == [1, 4, 8, 11, 16, 32]


def test_a_plan_plays_its_tapes_with_the_blas_on_as_many_threads_as_it_says(monkeypatch):
    played, threads = [], []
    tapes = [[lambda: played.append("one")], [lambda: played.append("two")]]

    def noted(count):
        threads.append(count)
        return blas_threads(1)

    monkeypatch.setattr(floor_plans, "blas_threads", noted)
    with Plan(tapes, 1, LAYOUTS[0]).ready() as step:
        step()
    with Plan(tapes[:1], 2, LAYOUTS[0]).ready() as step:
        step()
    assert sorted(played) == ["one", "one", "two"]
    assert threads == [1, 2]


def test_the_ways_take_turns_and_the_quickest_at_its_best_is_found(monkeypatch):
    turns = []
    seconds = {"slow": iter([5.0] * 5), "mixed": iter([9.0, 9.0, 1.0, 9.0, 9.0]), "even": iter([2.0] * 5)}
    monkeypatch.setattr(floor_plans, "calls", lambda _, way: [way])
    monkeypatch.setattr(floor_plans, "perf_counter", lambda: 0.0)

    def stopwatch(call, _):
        (way,) = call.args[0]
        turns.append(way)
        return next(seconds[way])

    monkeypatch.setattr(floor_plans, "quickest_seconds", stopwatch)
    assert fastest_way(some_product(), list(seconds)) == ("mixed", 1.0)
    assert turns == ["slow", "mixed", "even"] * floor_plans.TURNS


def test_long_products_take_fewer_turns(monkeypatch):
    now = iter(range(1000))
    turns = []
    monkeypatch.setattr(floor_plans, "perf_counter", lambda: next(now))
    monkeypatch.setattr(floor_plans, "quickest_seconds", lambda *_: turns.append(1) or 1.0)
    fastest_way(some_product(), [(1, 1), None])
    assert len(turns) == 2


def test_the_quickest_call_counts_and_there_is_at_least_one(monkeypatch):
    clock = iter([0.0, 5.0, 6.0, 8.0, 9.0, 20.0])
    monkeypatch.setattr(floor_plans, "perf_counter", lambda: next(clock))
    assert quickest_seconds(lambda: None, 10.0) == 2.0
    clock = iter([0.0, 5.0])
    assert quickest_seconds(lambda: None, 0.0) == 5.0
