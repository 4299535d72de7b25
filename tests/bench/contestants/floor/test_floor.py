import math

import numpy as np
import pytest
from contestant_trials import make_task

from bench.contestants.floor import contestant as floor
from bench.contestants.floor import plans
from bench.contestants.floor import products as products_module
from bench.contestants.floor.plans import LAYOUTS, Plan, Planner


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

    def program_of(product, way):
        def call():
            made.append(tuple(each.shape for each in product))
            return np.matmul(product.left, product.right, out=product.out)

        return [call]

    monkeypatch.setattr(products_module, "program_of", program_of)
    monkeypatch.setattr(plans, "program_of", program_of)
    return made


TASK = make_task((2, 5, 4, 1), ("relu", "relu", "sigmoid"), epochs=2)


def test_fit_runs_the_products_of_every_step_and_of_the_smaller_last_one(products):
    contestant = floor.Floor(TASK)
    contestant.warm_up()
    products.clear()
    told = []
    history = contestant.fit(told.append)
    assert len(products) == TASK.steps * (3 * len(TASK.architecture) - 1)
    assert sum(4 in {*left, *right} and 20 not in {*left, *right} for left, right, _ in products) == 2 * 8  # the last 4 rows, twice
    assert all(out == (left[0], right[1]) for left, right, out in products)
    assert told == [0, 1]
    assert all(len(values) == 2 and all(map(math.isnan, values)) for values in history.values())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_smaller_last_step_has_the_layout_of_the_others(layout, monkeypatch):
    monkeypatch.setattr(Planner, "fastest_plan", lambda *_: Plan([[]], 1, layout))
    contestant = floor.Floor(TASK)
    contestant.warm_up()
    first = contestant._last_step[0]
    operands = first.args[:2] if len(first.args) == 3 else (first.func.__self__, first.args[0])
    samples = operands[1 if layout.columns else 0]
    assert samples.shape == ((2, 4) if layout.columns else (4, 2))
    kernel = operands[0 if layout.columns else 1]  # (out, in) if samples are columns
    assert kernel.flags.c_contiguous == (layout.out_first == layout.columns)


def test_fit_runs_on_two_threads():
    contestant = floor.Floor(make_task(threads=2))
    contestant.warm_up()
    told = []
    contestant.fit(told.append)
    assert told == [0, 1, 2]


def test_details_give_the_work_of_a_step_and_the_peak(small_peak):
    contestant = floor.Floor(TASK)
    contestant.warm_up()
    details = contestant.details()
    # 20 rows; kernels 2×5, 5×4, 4×1: three products each but for the first, which has no activations to differentiate.
    assert details["flops_per_step"] == 2 * 20 * (2 * 10 + 3 * 20 + 3 * 4)
    assert details["peak_flops_per_second"] > 0
    assert details["layout"].startswith("samples as ")


def test_details_name_the_version_of_the_method(small_peak):
    assert floor.Floor(TASK).details()["floor_method"] == floor.FLOOR_METHOD_VERSION


def test_a_contestant_that_only_predicts_has_no_layout(small_peak):
    assert floor.Floor(TASK).details()["layout"] == "not measured"
