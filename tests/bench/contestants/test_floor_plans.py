from dataclasses import replace

import pytest
from contestant_trials import make_task

from bench.contestants import floor_plans
from bench.contestants.fastest_product import Way
from bench.contestants.floor_plans import Planner
from numpy_nn.blas import blas_threads

TASK = make_task((2, 5, 4, 1), ("relu", "relu", "sigmoid"))
LAYERS = 3
WHOLE = Way(turned=False, left="C", right="C", gaps=False, tile=None)


@pytest.fixture
def measured(monkeypatch):
    """What is looked for a product of each shape: its candidates. The first one is taken, and nothing is measured."""
    asked = []

    def first(shape, dtype, candidates):
        asked.append((shape, list(candidates)))
        return asked[-1][1][0]

    monkeypatch.setattr(floor_plans, "fastest_way", first)
    return asked


def left_rows(tape, columns):
    """How many rows the left operands of so many columns have, in the order of the calls."""
    lefts = [call.args[0] if len(call.args) == 3 else call.func.__self__ for call in tape]
    return [left.shape[0] for left in lefts if left.shape[1] == columns]


def test_a_step_is_the_products_of_a_network():
    shapes = [product.shape for product in Planner(TASK).products(20)]
    forward = [(20, 5, 2), (20, 4, 5), (20, 1, 4)]
    # From the output down: the kernel's gradient, and the activations' but for the first layer.
    backward = [(4, 1, 20), (20, 4, 1), (5, 4, 20), (20, 5, 4), (2, 5, 20)]
    assert shapes == forward + backward


def test_the_products_share_what_a_network_would_hand_on():
    forward, backward = (products := Planner(TASK).products(20))[:LAYERS], products[LAYERS:]
    assert [product.left for product in forward[1:]] == [product.out for product in forward[:-1]]
    assert backward[1].out is backward[2].right  # the activations' gradient, of which the next kernel's is computed
    assert backward[1].right.stored("C", False).base is forward[2].right.stored("F", False).base
    assert len({id(product.out) for product in products}) == len(products)
    assert not {id(product.out) for product in products} & {id(product.right) for product in forward}  # no kernel is written over


@pytest.mark.parametrize(("rows", "parts", "sizes"), [(20, 1, [20]), (20, 3, [7, 7, 6]), (20, 4, [5, 5, 5, 5])])
def test_the_parts_of_a_batch_have_all_of_its_rows(rows, parts, sizes, measured):
    (tape,) = Planner(TASK).in_parts(rows, parts, 1).tapes
    assert left_rows(tape, columns=2) == sizes  # the first layer's forward product: the samples by their features
    assert len(tape) == parts * (3 * LAYERS - 1)
    assert measured[0][0] == (sizes[0], 5, 2)  # looked for at a part's size


def test_each_thread_has_a_share_of_the_batch(measured):
    planner = Planner(replace(TASK, threads=3))
    plan = planner.in_batch_shares(20, 2)
    assert [left_rows(tape, columns=2) for tape in plan.tapes] == [[4, 3], [4, 3], [3, 3]]
    assert plan.blas_threads == 1


def test_the_columns_of_every_result_are_shared_out_and_no_thread_computes_an_empty_one(measured):
    plan = Planner(replace(TASK, threads=2)).in_column_shares(20)
    columns = [[call.args[-1].shape[1] for call in tape] for tape in plan.tapes]
    assert columns == [[2, 2, 2, 2, 2, 2], [3, 2, 1, 1, 2, 2, 3, 3]]
    assert plan.blas_threads == 1


def test_products_of_one_shape_are_measured_once(measured):
    Planner(make_task((3, 3, 3, 3), ("relu", "relu", "linear"))).in_parts(3, 1, 1)
    assert [shape for shape, _ in measured] == [(3, 3, 3)]


def test_tiles_are_measured_on_one_thread_of_the_blas_only(measured):
    planner = Planner(replace(make_task((200, 200), ("relu",)), threads=2))
    planner.in_parts(200, 1, 2)
    (_, alone), (_, together), *_ = measured
    assert any(way.tile for way in alone)
    assert together == [alone[0], *(way for way in alone if way.tile is None)]


@pytest.mark.parametrize(
    ("threads", "rows", "layouts"),
    [
        (1, 20, ["0 of 8 products in tiles"]),
        (1, 300, ["0 of 8 products in tiles", *(f"0 of 8 products in tiles, a batch in {parts} parts" for parts in (2, 3))]),
        (
            2,
            20,
            [
                "0 of 8 products in tiles, the BLAS on 1 of 2 threads",
                "0 of 8 products in tiles, the BLAS on 2 of 2 threads",
                "0 of 8 products in tiles, a batch in 2 parts, on 2 threads side by side",
                "0 of 8 products in tiles, each of 2 threads with its columns of every result",
            ],
        ),
        (2, 1, [f"0 of 8 products in tiles, the BLAS on {count} of 2 threads" for count in (1, 2)]),  # nothing to share out
    ],
)
def test_every_plan_is_tried_and_the_fastest_is_kept(threads, rows, layouts, measured, monkeypatch):
    tried = []

    def last(stopwatches, turn_seconds):
        tried.extend(plan.layout for plan in stopwatches)
        return list(stopwatches)[-1]

    monkeypatch.setattr(floor_plans, "fastest", last)
    plan = Planner(replace(TASK, threads=threads)).fastest_plan(rows)
    assert list(dict.fromkeys([*tried, plan.layout])) == layouts
    assert plan.layout == layouts[-1]


def test_parts_whose_products_would_be_too_large_for_tiles_are_not_tried():
    wide = Planner(make_task((1024, 1024), ("relu",), samples=8, batch_size=8))
    assert wide._part_counts(4096) == [1]
    assert Planner(TASK)._part_counts(4096) == [1, 4, 8, 11, 16, 32]


def test_a_plan_plays_its_tapes_with_the_blas_on_as_many_threads_as_it_says(monkeypatch):
    played, threads = [], []
    tapes = [[lambda: played.append("one")], [lambda: played.append("two")]]

    def noted(count):
        threads.append(count)
        return blas_threads(1)

    monkeypatch.setattr(floor_plans, "blas_threads", noted)
    with floor_plans.Plan(tapes, 1, "").ready() as step:
        step()
    with floor_plans.Plan(tapes[:1], 2, "").ready() as step:
        step()
    assert sorted(played) == ["one", "one", "two"]
    assert threads == [1, 2]
    assert floor_plans.Plan(tapes, 1, "").quickest_seconds(0.0) > 0


def test_the_layout_says_how_many_products_are_in_tiles(monkeypatch):
    monkeypatch.setattr(floor_plans, "fastest_way", lambda shape, dtype, _: WHOLE._replace(tile=(4, 4) if shape[2] == 20 else None))
    assert Planner(TASK).in_parts(20, 1, 1).layout == "3 of 8 products in tiles"
