import math
from itertools import pairwise

import numpy as np
import pytest
from contestant_trials import make_task

from bench.contestants import floor


@pytest.fixture
def small_peak(monkeypatch):
    """The machine's peak from products so small that the test needn't wait."""
    monkeypatch.setattr(floor, "PEAK_SIZE", 8)
    monkeypatch.setattr(floor, "PEAK_REPEATS", 2)
    floor.peak_flops_per_second.cache_clear()
    yield
    floor.peak_flops_per_second.cache_clear()


@pytest.fixture
def products(monkeypatch):
    """The shapes (of left, right and result) of every product, as they are made."""
    made = []

    def product(left, right, out):
        def call():
            made.append((left.shape, right.shape, out.shape))
            return np.matmul(left, right, out=out)

        return call

    monkeypatch.setattr(floor, "_product", product)
    return made


TASK = make_task((2, 5, 4, 1), ("relu", "relu", "sigmoid"), epochs=2)


@pytest.mark.parametrize("columns", [True, False])
@pytest.mark.parametrize("out_first", [True, False])
def test_a_step_is_the_products_of_a_network_in_any_layout(columns, out_first, products):
    for product in floor._step_products(TASK, 20, columns, out_first):
        product()
    dims = {(1, 4): {1, 4, 20}, (4, 5): {4, 5, 20}, (2, 5): {2, 5, 20}}
    # Forward, and then from the output down: the kernel's gradient, and the activations' but for the first layer.
    layers_in_order = [(2, 5), (4, 5), (1, 4), (1, 4), (1, 4), (4, 5), (4, 5), (2, 5)]
    assert [set(left) | set(right) for left, right, _ in products] == [dims[layer] for layer in layers_in_order]
    gradients = [out for _, _, out in products[3:]]
    kernels = [(4, 1), (5, 4), (2, 5)]
    assert [gradients[0], gradients[2], gradients[4]] == [shape[::-1] if out_first else shape for shape in kernels]
    assert all(out == (left[0], right[1]) for left, right, out in products)


def test_fit_runs_the_products_of_every_step_and_of_the_smaller_last_one(products):
    contestant = floor.Floor(TASK)
    contestant.warm_up()
    products.clear()
    told = []
    history = contestant.fit(told.append)
    assert len(products) == TASK.steps * (3 * len(TASK.architecture) - 1)
    assert sum(4 in {*left, *right} and 20 not in {*left, *right} for left, right, _ in products) == 2 * 8  # the last 4 rows, twice
    assert told == [0, 1]
    assert all(len(values) == 2 and all(map(math.isnan, values)) for values in history.values())


@pytest.mark.parametrize(("rows", "parts", "sizes"), [(20, 1, [20]), (20, 3, [7, 7, 6]), (20, 4, [5, 5, 5, 5])])
def test_the_parts_of_a_batch_have_all_of_its_rows(rows, parts, sizes, products):
    for product in floor._batch_products(TASK, rows, parts, columns=True, out_first=True):
        product()
    first_layer = [right[1] for left, right, _ in products if (left, right[0]) == ((5, 2), 2)]
    assert first_layer == sizes
    assert len(products) == parts * (3 * len(TASK.architecture) - 1)


def test_a_batch_is_taken_in_parts_where_that_is_faster(monkeypatch, small_peak):
    monkeypatch.setattr(floor, "SMALLEST_PART_ROWS", 5)
    monkeypatch.setattr(floor, "_quickest_seconds", lambda products: -len(products))  # so the most parts that are allowed
    contestant = floor.Floor(TASK)
    contestant.warm_up()
    assert contestant.details()["layout"].endswith(", a batch in 4 parts")


def test_the_results_are_written_where_they_are_needed_next():
    forward = floor._step_products(TASK, 20, True, True)[:3]
    for before, after in pairwise(forward):
        assert before.args[1] is after.args[0]


def test_details_give_the_work_of_a_step_and_the_peak(small_peak):
    contestant = floor.Floor(TASK)
    contestant.warm_up()
    details = contestant.details()
    # 20 rows; kernels 2×5, 5×4, 4×1: three products each but for the first, which has no activations to differentiate.
    assert details["flops_per_step"] == 2 * 20 * (2 * 10 + 3 * 20 + 3 * 4)
    assert details["peak_flops_per_second"] > 0
    assert details["layout"].startswith("samples as ")
