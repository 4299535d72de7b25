import sys
from types import SimpleNamespace

import numpy as np
import pytest

import numpy_nn
from bench.micro import models, training
from bench.micro.networks import LAYERS, draw_weights, make_model, two_moons
from bench.micro.suite import BENCHMARKS, PROCESS_BENCHMARKS
from bench.regression.compare import comparison_worker, loading
from bench.regression.compare.position import SIDES, Position
from bench.regression.compare.timing import SideError

BOTH = {"base": numpy_nn, "head": numpy_nn}
SUITES = dict.fromkeys(SIDES, BENCHMARKS)


@pytest.fixture
def position(tmp_path):
    return Position(tmp_path / "position", [*BENCHMARKS, *PROCESS_BENCHMARKS])


def check(name, libraries, position):
    return comparison_worker.check(name, SUITES, libraries, position)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_the_same_library_twice_computes_the_same_to_the_bit(name, position):
    found = check(name, BOTH, position)
    assert not found["errors"]
    assert found["variants"]
    assert found["difference"] == 0
    assert found["same"]
    assert set(found["dropped"]) <= {"Adagrad", "gelu", "silu", "selu", "mean absolute error", "Huber"}
    assert 0 < found["seconds"]["base"] < 1


def slipped_namespace():
    class Slipped(numpy_nn.Sequential):
        def set_weights(self, weights):
            super().set_weights([weight * 1.001 for weight in weights])

        @classmethod
        def load(cls, path):
            model = numpy_nn.Sequential.load(path)
            model.set_weights([weight * 1.001 for weight in model.get_weights()])
            return model

    return SimpleNamespace(**{**vars(numpy_nn), "Sequential": Slipped})


OF_SEQUENTIAL = [benchmark.name for module in (training, models) for benchmark in module.BENCHMARKS] + ["methods"]
NOT_SET = ("classifier", "regressor", "initializers")
"""They set no weights of a `Sequential`, where the slip is."""


@pytest.mark.parametrize("name", [name for name in OF_SEQUENTIAL if not name.startswith(NOT_SET)])
def test_a_slip_in_the_mathematics_is_seen_in_every_benchmark(name, position):
    found = check(name, {"base": numpy_nn, "head": slipped_namespace()}, position)
    assert not found["same"]
    assert found["difference"] > 0


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_side_without_what_a_benchmark_needs_is_named(name, position):
    found = check(name, {"base": numpy_nn, "head": SimpleNamespace(Sequential=None, __name__="nothing")}, position)
    assert list(found["errors"]) == ["head"]


def test_blocks_of_a_fit_are_epochs_of_it_and_go_on_from_one_another():
    work = BENCHMARKS["step"].prepare(numpy_nn, 4)
    for _ in range(3):
        work()
    after = work.outcome()
    work.close()
    model = make_model(numpy_nn, draw_weights(LAYERS, 4))
    model.fit(*two_moons(160, 4), batch_size=32, epochs=3, shuffle=False, verbose=0)
    assert all(np.array_equal(one, other) for one, other in zip(after, model.get_weights(), strict=True))


def test_a_fit_that_ends_too_early_is_an_error_and_not_a_very_fast_block(position):
    class Impatient(numpy_nn.Sequential):
        def fit(self, *arguments, **settings):
            return super().fit(*arguments, **{**settings, "epochs": 2})

    head = SimpleNamespace(Sequential=Impatient, SGD=numpy_nn.SGD, Callback=numpy_nn.Callback)
    found = check("step", {"base": numpy_nn, "head": head}, position)
    assert "before its last epoch" in found["errors"]["head"]


def test_a_variant_that_base_lacks_is_dropped_and_one_that_head_lacks_is_an_error(position):
    poorer = SimpleNamespace(**{**vars(numpy_nn), "RMSprop": None})
    found = check("step-optimizers", {"base": poorer, "head": numpy_nn}, position)
    assert "RMSprop" in found["dropped"]
    assert "RMSprop" not in found["variants"]
    assert not found["errors"]
    found = check("step-optimizers", {"base": numpy_nn, "head": poorer}, position)
    assert found["errors"]["head"].startswith("RMSprop: TypeError")


def test_differences_of_shape_type_and_nan_are_infinite_and_equal_nans_are_none():
    one, nan = np.ones(2), np.array([np.nan, 1.0])
    assert comparison_worker.largest_difference([one], [np.ones(3)])[0] == np.inf
    assert comparison_worker.largest_difference([one], [nan])[0] == np.inf
    assert comparison_worker.largest_difference([one], [one.astype(np.float32)])[0] == np.inf
    assert comparison_worker.largest_difference([one], [one + 0j])[0] == np.inf
    assert comparison_worker.largest_difference([nan], [nan])[0] == 0
    assert comparison_worker.largest_difference([one], [one * 1.5]) == (0.5, 1.0)


def test_either_side_may_have_either_name_and_be_loaded_first(tmp_path, monkeypatch, position):
    monkeypatch.setattr(sys, "path", list(sys.path))
    names = ("one_of_two", "other_of_two")
    for side in SIDES:
        for name in names:
            (tmp_path / name / side / name).mkdir(parents=True)
            (tmp_path / name / side / name / "__init__.py").write_text(f"import sys; SIDE = {side!r}; BEFORE = set(sys.modules)")
    copies = {side: [str(tmp_path / name / side / name) for name in names] for side in SIDES}
    for named in (["base", "head"], ["head", "base"]):
        for order in (["base", "head"], ["head", "base"]):
            for name in names:
                sys.modules.pop(name, None)
            libraries = loading.load(copies, named, order, position)
            assert {side: library.SIDE for side, library in libraries.items()} == {"base": "base", "head": "head"}
            assert libraries[named[0]].__name__ == names[0]
            assert {libraries[order[0]].__name__} <= libraries[order[1]].BEFORE
            assert libraries[order[1]].__name__ not in libraries[order[0]].BEFORE


@pytest.mark.parametrize(
    ("text", "said"), [("1 / 0", "ZeroDivisionError"), ("import sys; sys.exit(3)", r"fails to import: sys.exit\(3\)")]
)
def test_an_import_that_fails_names_its_side(tmp_path, monkeypatch, position, text, said):
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name, content in (("good_one", ""), ("bad_one", text)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(content)
    copies = {"base": [str(tmp_path / "good_one")] * 2, "head": [str(tmp_path / "bad_one")] * 2}
    with pytest.raises(SideError, match=said) as failed:
        loading.load(copies, ["base", "head"], ["base", "head"], position)
    assert failed.value.side == "head"
    assert position.read().phase == "import"
