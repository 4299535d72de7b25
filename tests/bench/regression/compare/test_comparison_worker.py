import os
import random
import signal
import sys
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest

import numpy_nn
from bench.regression.compare import comparison_worker
from bench.regression.compare.benchmarks import BENCHMARKS, Work

BOTH = {"base": numpy_nn, "head": numpy_nn}


@pytest.mark.parametrize("name", BENCHMARKS)
def test_the_same_library_twice_computes_the_same_to_the_bit(name):
    assert comparison_worker.check(name, BOTH) == {"errors": {}, "difference": 0.0, "same": True}


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_slip_in_the_mathematics_is_seen_in_every_benchmark(name, monkeypatch):
    class Slipped(numpy_nn.Sequential):
        def set_weights(self, weights):
            super().set_weights([weight * 1.001 for weight in weights])

    head = SimpleNamespace(Sequential=Slipped, SGD=numpy_nn.SGD, Callback=numpy_nn.Callback)
    found = comparison_worker.check(name, {"base": numpy_nn, "head": head})
    assert not found["same"]
    assert found["difference"] > 0


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_side_without_what_a_benchmark_needs_is_named(name):
    found = comparison_worker.check(name, {"base": numpy_nn, "head": SimpleNamespace(Sequential=None)})
    assert list(found["errors"]) == ["head"]


def test_blocks_of_a_fit_are_epochs_of_it_and_go_on_from_one_another():
    x_y = BENCHMARKS["step"].prepare(numpy_nn, 4)
    for _ in range(3):
        x_y()
    after = x_y.outcome()
    x_y.close()
    from bench.regression.compare.benchmarks import draw_weights, make_model, two_moons

    model = make_model(numpy_nn, draw_weights(4))
    model.fit(*two_moons(160, 4), batch_size=32, epochs=3, shuffle=False, verbose=0)
    assert all(np.array_equal(one, other) for one, other in zip(after, model.get_weights(), strict=True))


def test_a_fit_that_ends_too_early_is_an_error_and_not_a_very_fast_block():
    class Impatient(numpy_nn.Sequential):
        def fit(self, *arguments, **settings):
            return super().fit(*arguments, **{**settings, "epochs": 2})

    head = SimpleNamespace(Sequential=Impatient, SGD=numpy_nn.SGD, Callback=numpy_nn.Callback)
    found = comparison_worker.check("step", {"base": numpy_nn, "head": head})
    assert "before its last epoch" in found["errors"]["head"]


def test_differences_of_shape_and_nan_are_infinite_and_equal_nans_are_none():
    one, nan = np.ones(2), np.array([np.nan, 1.0])
    assert comparison_worker.largest_difference([one], [np.ones(3)])[0] == np.inf
    assert comparison_worker.largest_difference([one], [nan])[0] == np.inf
    assert comparison_worker.largest_difference([nan], [nan])[0] == 0
    assert comparison_worker.largest_difference([one], [one * 1.5]) == (0.5, 1.0)


class Recorder(Work):
    """Notes who is built and who is run."""

    log: ClassVar[list] = []

    def __init__(self, library, seed):
        self.side = library
        self.log.append(("build", library, seed))

    def __call__(self):
        self.log.append(("run", self.side, None))

    def outcome(self):
        return []


def test_a_fork_answers_with_what_its_task_returned_and_changes_nothing_here():
    here = []
    assert comparison_worker.forked(lambda: here.append(1) or {"pid": 7}) == {"pid": 7}
    assert here == []


def test_forks_toss_coins_of_their_own():
    random.seed(3)
    assert len({comparison_worker.forked(random.random) for _ in range(5)}) == 5


def test_a_fork_that_fails_says_why_on_stderr_and_its_code_here(capfd):
    with pytest.raises(RuntimeError, match="ended with code 1"):
        comparison_worker.forked(lambda: 1 / 0)
    assert "ZeroDivisionError" in capfd.readouterr().err
    with pytest.raises(RuntimeError, match="ended with code -9"):
        comparison_worker.forked(lambda: os.kill(os.getpid(), signal.SIGKILL))


def test_either_side_may_have_either_name_and_be_loaded_first(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    names = ("one_of_two", "other_of_two")
    for side in comparison_worker.SIDES:
        for name in names:
            (tmp_path / name / side / name).mkdir(parents=True)
            (tmp_path / name / side / name / "__init__.py").write_text(f"import sys; SIDE = {side!r}; BEFORE = set(sys.modules)")
    folders = {side: [str(tmp_path / name / side / name) for name in names] for side in comparison_worker.SIDES}
    for named in (["base", "head"], ["head", "base"]):
        for order in (["base", "head"], ["head", "base"]):
            for name in names:
                sys.modules.pop(name, None)
            libraries = comparison_worker.load(folders, named, order)
            assert {side: library.SIDE for side, library in libraries.items()} == {"base": "base", "head": "head"}
            assert libraries[named[0]].__name__ == names[0]
            assert {libraries[order[0]].__name__} <= libraries[order[1]].BEFORE
            assert libraries[order[1]].__name__ not in libraries[order[0]].BEFORE


@pytest.fixture
def recorded(monkeypatch):
    monkeypatch.setattr(Recorder, "log", [])
    monkeypatch.setitem(BENCHMARKS, "step", SimpleNamespace(prepare=Recorder))
    return Recorder.log


def test_who_is_built_first_is_turned_around_in_every_other_round(recorded):
    comparison_worker.measure(["step"], {"base": "base", "head": "head"}, rounds=6, pairs=1, clock=iter(range(1000)).__next__)
    built = [side for what, side, _ in recorded if what == "build"]
    firsts = built[::2]
    assert all(one != other for one, other in zip(firsts[::2], firsts[1::2], strict=True))


def test_both_sides_of_a_build_start_from_the_same_seed_and_each_build_from_another(recorded):
    comparison_worker.measure(["step"], {"base": "base", "head": "head"}, rounds=4, pairs=1, clock=iter(range(1000)).__next__)
    seeds = [seed for what, _, seed in recorded if what == "build"]
    assert seeds[::2] == seeds[1::2]
    assert len(set(seeds)) == 4


def test_each_pair_has_a_block_of_either_side_in_an_order_that_is_drawn(recorded):
    random.seed(5)
    answer = comparison_worker.measure(
        ["step"], {"base": "base", "head": "head"}, rounds=1, pairs=64, clock=iter(range(1000)).__next__
    )
    runs = [side for what, side, _ in recorded if what == "run"][2 * comparison_worker.WARM_UP_BLOCKS :]
    pairs = list(zip(runs[::2], runs[1::2], strict=True))
    assert {frozenset(pair) for pair in pairs} == {frozenset(("base", "head"))}
    assert 16 < sum(first == "base" for first, _ in pairs) < 48
    (build,) = answer["step"]
    assert build == {"base": [1] * 64, "head": [1] * 64}
