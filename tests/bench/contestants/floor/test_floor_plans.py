from dataclasses import replace
from itertools import chain, pairwise

import numpy as np
import pytest
from contestant_trials import make_task
from floor_products import operands

from bench.contestants.floor import plans
from bench.contestants.floor.blas import limited_blas
from bench.contestants.floor.plans import LAYOUTS, Layout, Plan, Planner
from bench.contestants.floor.products import Product

TASK = make_task((2, 5, 4, 1), ("relu", "relu", "sigmoid"))
LAYERS = 3


@pytest.fixture
def measured(monkeypatch):
    """What is looked for a product of each shape: its candidates. The first one is taken, and nothing is measured."""
    asked = []

    def first(product, candidates):
        asked.append((product.out.shape, list(candidates)))
        return candidates[0], 1.0

    monkeypatch.setattr(plans, "fastest_way", first)
    return asked


def batch_sizes(program):
    """Rows of the samples, in the order of the forward products of the first layer."""
    firsts = [(left, right) for left, right, out in map(operands, program) if 5 in out.shape and left.shape[1] == 2]
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
    # What a network would hand on is the same memory: activations, the activations' gradient, kernels transposed.
    assert all(after.left is before.out for before, after in pairwise(forward))
    assert backward[1].out is backward[2].right
    assert all(np.shares_memory(backward[2 * layer].left, forward[-1 - layer].left) for layer in range(LAYERS))
    assert all(np.shares_memory(backward[2 * layer + 1].right, forward[-1 - layer].right) for layer in range(LAYERS - 1))
    assert not any(np.shares_memory(one.out, two.right) for one in products for two in forward)  # no kernel is written over


@pytest.mark.parametrize(("rows", "chunks", "sizes"), [(20, 1, [20]), (20, 3, [7, 7, 6]), (20, 4, [5, 5, 5, 5])])
def test_the_chunks_of_a_minibatch_have_all_of_its_rows(rows, chunks, sizes, measured):
    (program,) = Planner(TASK).in_chunks(rows, chunks, 1).programs
    assert batch_sizes(program) == sizes
    assert len(program) == chunks * (3 * LAYERS - 1)
    assert measured[0][0] == (sizes[0], 5)  # measured at a chunk's size


def test_the_rows_of_a_minibatch_are_divided_among_the_threads(measured):
    plan = Planner(replace(TASK, threads=3)).in_chunks(20, 2, 1, team=3)
    assert [batch_sizes(program) for program in plan.programs] == [[4, 3], [4, 3], [3, 3]]
    assert plan.blas_threads == 1


@pytest.mark.parametrize("choice", [0, -1])
def test_the_columns_of_every_result_are_divided_and_no_thread_computes_an_empty_tile(choice, monkeypatch):
    monkeypatch.setattr(plans, "fastest_way", lambda _, candidates: (candidates[choice], 1.0))
    plan = Planner(replace(TASK, threads=2)).in_columns(20, 2)
    first, second = (list(map(operands, program)) for program in plan.programs)
    assert (len(first), len(second)) == (6, 8)  # the output's forward product and its kernel's gradient have a single column
    results = [Product(*each).out for each in chain(first, second)]
    assert not any(np.shares_memory(one, other) for number, one in enumerate(results) for other in results[:number])
    assert sum(result.size for result in results) == sum(product.out.size for product in Planner(TASK).products(20, LAYOUTS[0]))
    assert plan.blas_threads == 1


def test_the_layout_is_the_one_whose_products_take_the_least_time_together(monkeypatch):
    def seconds(product, candidates):
        likes_columns = product.out.shape == (3, 7)  # the kernel's gradient; the forward product's result is (5, 7)
        return candidates[0], 1.0 if product.out.flags.f_contiguous == likes_columns else 2.0

    monkeypatch.setattr(plans, "fastest_way", seconds)
    planner = Planner(make_task((3, 7), ("relu",)))
    assert planner.in_chunks(5, 1, 1).layout == Layout(columns=False, out_first=True)
    assert planner.in_chunks(5, 1, 1, layouts=LAYOUTS[:1]).layout == LAYOUTS[0]


def test_products_that_lie_alike_are_measured_once(measured):
    planner = Planner(make_task((3, 3, 3, 3), ("relu", "relu", "linear")))
    planner.in_chunks(3, 1, 1, layouts=LAYOUTS[:1])
    assert len(measured) == 3  # forward, the kernels' gradients, the activations'
    planner.in_chunks(3, 1, 1, layouts=LAYOUTS[:1])
    assert len(measured) == 3


def test_with_more_threads_of_the_blas_tiles_are_those_that_one_thread_is_the_fastest_with(measured):
    planner = Planner(make_task((200, 200), ("relu",)))
    planner.in_chunks(200, 1, 2, layouts=LAYOUTS[:1])
    (_, alone), (_, together), *_ = measured
    assert len(alone) > 2
    assert together == [alone[0], (200, 200), None]


@pytest.mark.parametrize(
    ("threads", "rows", "hows"),
    [
        (1, 20, [""]),
        (1, 300, ["", ", a minibatch in 2 chunks", ", a minibatch in 3 chunks"]),
        (
            2,
            20,
            [
                "",
                ", the BLAS on 2 threads",
                ", a minibatch in 2 chunks, on a team of 2 threads",
                ", the columns of every result on a team of 2 threads",
            ],
        ),
        (2, 1, ["", ", the BLAS on 2 threads"]),  # nothing to divide
    ],
)
def test_every_plan_is_tried_and_the_fastest_is_kept(threads, rows, hows, measured, monkeypatch):
    tried = []

    def quickest_seconds(plan):
        tried.append(plan.how)
        return -len(tried)

    monkeypatch.setattr(Plan, "quickest_seconds", quickest_seconds)
    plan = Planner(replace(TASK, threads=threads)).fastest_plan(rows)
    assert tried == hows
    assert plan.how == hows[-1]


def test_chunks_whose_products_would_be_too_large_for_tiles_are_not_tried():
    wide = Planner(make_task((2048, 1024), ("relu",), samples=8, batch_size=8))
    assert wide._chunk_counts(4096) == [1]
    assert Planner(TASK)._chunk_counts(4096) == [1, 4, 8, 11, 16, 32]


def test_a_plan_runs_its_programs_with_the_blas_on_as_many_threads_as_it_says(monkeypatch):
    made, threads = [], []
    programs = [[lambda: made.append("one")], [lambda: made.append("two")]]

    def noted(count):
        threads.append(count)
        return limited_blas(1)

    monkeypatch.setattr(plans, "limited_blas", noted)
    with Plan(programs, 1, LAYOUTS[0]).ready() as step:
        step()
    with Plan(programs[:1], 2, LAYOUTS[0]).ready() as step:
        step()
    assert sorted(made) == ["one", "one", "two"]
    assert threads == [1, 2]
