import gc

import numpy as np
import pytest
from contestants_for_tests import tiny
from harness import FakeClock, small_split
from trial_sessions import figures, ticking

from bench.execution import metrics
from bench.execution.measurement import FEWEST_PREDICTION_CALLS, PREDICTION_SECONDS, differences
from bench.execution.trial_checks import CheatError
from bench.execution.trial_session import TrialSession, read_task


def test_the_clock_of_a_timed_trial_has_each_epoch_and_no_scoring(request_of):
    clock = FakeClock()
    measured = figures(request_of("timed"), ticking(tiny.Tiny, clock, epoch=1.0, predict=50.0), clock)
    assert measured["epoch_seconds"] == [1.0, 2.0, 3.0]
    assert measured["fit_seconds"] == 6.0
    assert measured["steps"] == 6
    assert measured["history"] == {"loss": [1.0, 1 / 2, 1 / 3], "accuracy": [0.5] * 3}
    assert 0 <= measured["test_accuracy"] <= 1


def test_garbage_collection_is_off_in_the_timed_part_and_on_again_after_it(request_of):
    seen = []

    class Looks(tiny.Tiny):
        def fit(self, on_epoch_end):
            seen.append(gc.isenabled())
            return super().fit(on_epoch_end)

    class Fails(Looks):
        def fit(self, on_epoch_end):
            raise RuntimeError

    figures(request_of("timed"), Looks)
    with pytest.raises(RuntimeError):
        figures(request_of("timed"), Fails)
    assert seen == [False]
    assert gc.isenabled()


def test_a_scored_trial_has_the_test_set_after_every_epoch_and_no_clock(request_of):
    measured = figures(request_of("scored"))
    contestant, split = tiny.Tiny(read_task(request_of("scored"))), small_split(None, seed=0)
    expected = []
    contestant.fit(lambda _: expected.append(metrics.loss("binary_crossentropy", split.y_test, contestant.predict(split.x_test))))
    assert measured["history"]["val_loss"] == expected
    assert len(measured["history"]["val_accuracy"]) == 3
    assert measured["test_loss"] == expected[-1]
    assert measured["test_predictions"] == contestant.predict(split.x_test).ravel().tolist()
    assert measured.keys().isdisjoint({"fit_seconds", "epoch_seconds"})


def test_the_decision_surface_is_saved_over_the_box_that_was_asked_for(request_of, tmp_path):
    path = tmp_path / "surface.npz"
    measured = figures(request_of("scored", surface=str(path), surface_box=[-1.5, 2.5, -1.0, 2.0]))
    assert measured["arrays"] == "surface.npz"
    saved = np.load(path)
    assert saved["surface"].shape == (100, 100)
    assert (saved["surface_x"][[0, -1]] == [-1.5, 2.5]).all()
    contestant = tiny.Tiny(read_task(request_of("scored")))
    contestant.fit(lambda _: None)
    point = np.array([[saved["surface_x"][7], saved["surface_y"][40]]])
    assert saved["surface"][40, 7] == contestant.predict(point).item()


def test_the_surfaces_of_a_film_are_those_after_its_epochs(request_of, tmp_path):
    path = tmp_path / "surface.npz"
    figures(request_of("scored", surface=str(path), surface_box=[-1.5, 2.5, -1.0, 2.0], film_epochs=[0, 2]))
    saved = np.load(path)
    assert saved["film"].shape == (2, 60, 60)
    assert saved["film_epochs"].tolist() == [0, 2]
    contestant, corner = tiny.Tiny(read_task(request_of("scored"))), np.array([[-1.5, -1.0]])
    corners = []
    contestant.fit(lambda _: corners.append(contestant.predict(corner).item()))
    assert saved["film"][:, 0, 0].tolist() == [corners[0], corners[2]]


def test_without_a_film_nothing_but_the_last_surface_is_saved(request_of, tmp_path):
    path = tmp_path / "surface.npz"
    figures(request_of("scored", surface=str(path), surface_box=[-1.5, 2.5, -1.0, 2.0]))
    assert sorted(np.load(path).files) == ["surface", "surface_x", "surface_y"]


def test_parity_is_the_largest_difference_to_the_reference_epoch_by_epoch(request_of, tmp_path):
    trajectory = str(tmp_path / "trajectory.npz")
    fields = {"reference": "Tiny", "trajectory": trajectory}
    reference = figures(request_of("parity", trajectory=trajectory))
    assert "parity" not in reference
    same = figures(request_of("parity", **fields), tiny.Twin)["parity"]
    assert same == {"reference": "Tiny", "loss": [0.0] * 3, "accuracy": [0.0] * 3, "weights": [0.0] * 3, "predictions": 0.0}
    other = figures(request_of("parity", **fields), tiny.Faster)["parity"]
    assert other["weights"] == pytest.approx([0.01, 0.02, 0.03])
    assert other["predictions"] > 0


def test_parity_without_a_reference_says_so_and_is_no_zero(request_of, tmp_path):
    measured = figures(request_of("parity", reference="keras", trajectory=str(tmp_path / "none.npz")))
    assert "parity" not in measured
    assert measured["details"]["parity"] == "not compared: keras left no trajectory"


def test_a_nan_is_an_infinite_difference_also_where_both_have_it(tmp_path):
    trajectory = {
        "weights": np.array([[1.0, np.nan]]),
        "loss": np.array([np.nan]),
        "accuracy": np.array([0.5]),
        "predictions": np.array([[0.5]]),
    }
    np.savez(tmp_path / "t.npz", **{**trajectory, "weights": np.array([[1.0, 1.0]])})
    found = differences(trajectory, tmp_path / "t.npz")
    assert (found["weights"], found["loss"]) == ([np.inf], [np.inf])
    lacking = {**trajectory, "weights": np.array([[1.0, 1.0]]), "loss": np.array([0.5]), "accuracy": np.array([np.nan])}
    np.savez(tmp_path / "t.npz", **lacking)
    assert differences(lacking, tmp_path / "t.npz") == {"loss": [0.0], "accuracy": [0.0], "weights": [0.0], "predictions": 0.0}


def test_another_number_of_weights_is_named_and_not_broadcast(tmp_path):
    one = {name: np.zeros((3, 1)) for name in ("weights", "loss", "accuracy", "predictions")}
    np.savez(tmp_path / "t.npz", **{**one, "weights": np.zeros((3, 2))})
    with pytest.raises(ValueError, match=r"weights has the shape \(3, 1\), and \(3, 2\)"):
        differences(one, tmp_path / "t.npz")


def test_latency_is_taken_of_the_predictor_for_one_row_and_of_predict_for_many(request_of):
    clock = FakeClock()
    rows_seen = []

    class Looks(tiny.Tiny):
        def predictor(self):
            def one(x):
                clock.seconds += 0.25e-3
                rows_seen.append(("predictor", len(x)))
                return super(Looks, self).predict(x)

            return one

        def predict(self, x):
            clock.seconds += 1.0
            rows_seen.append(("predict", len(x)))
            return super().predict(x)

    one, many = figures(request_of("predict", prediction_rows=[1, 1000]), Looks, clock)["latencies"]
    assert set(rows_seen) == {("predictor", 1), ("predict", 1), ("predict", 1000)}
    assert rows_seen.count(("predict", 1)) == 1  # with which the predictor is compared
    assert (one["calls"], many["calls"]) == (PREDICTION_SECONDS / 0.25e-3, FEWEST_PREDICTION_CALLS)
    assert (one["median_seconds"], many["median_seconds"]) == pytest.approx((0.25e-3, 1.0))
    assert one["minimum_seconds"] <= one["median_seconds"] <= one["p99_seconds"]


def test_a_call_compiled_by_hand_is_measured_beside_the_librarys_own_and_found_once(request_of):
    clock = FakeClock()
    made = []

    class Compiles(tiny.Tiny):
        def predict(self, x):
            clock.seconds += 0.01
            return super().predict(x)

        def compiled_predictor(self):
            made.append("compiled")

            def call(x):
                clock.seconds += 0.001
                return super(Compiles, self).predict(x)

            return call

    session = TrialSession(lambda _: Compiles, clock)
    request = request_of("predict", prediction_rows=[1, 5], keep=True)
    turns = [session.measure(request)["latencies"] for _ in range(2)]
    assert [(one["rows"], one["compiled_by_hand"]) for one in turns[0]] == [(1, False), (1, True), (5, False)]
    assert [one["median_seconds"] for one in turns[1]] == pytest.approx([0.01, 0.001, 0.01])
    assert made == ["compiled"]


def test_the_harness_own_part_of_the_clock_is_measured_with_a_fit_that_only_tells_of_its_epochs(request_of):
    class Reads(FakeClock):
        def __call__(self):
            self.seconds += 0.001
            return self.seconds

    assert figures(request_of("timed"), clock=Reads())["harness_seconds"] == pytest.approx(0.004)  # 3 epochs, and the end


def returning(**answers):
    """A contestant whose methods do their work, and return something else."""

    def method(name):
        def call(self, *arguments):
            getattr(tiny.Tiny, name)(self, *arguments)
            return answers[name]

        return call

    return type("Returning", (tiny.Tiny,), {name: method(name) for name in answers})


@pytest.mark.parametrize(
    ("contestant", "kind", "message"),
    [
        (tiny.ForgetsAnEpoch, "timed", "on_epoch_end 2 times: it must do so after each of 3 epochs"),
        (tiny.WrongShape, "scored", r"predict returned the shape \(4,\): it must be \(4, 1\)"),
        (returning(predict=None), "scored", "predict returned None: it must be real numbers"),
        (returning(predict=([1.0], [2.0, 3.0])), "scored", r"returned \(\[1.0\], \[2.0, 3.0\]\): it must be an array \("),
        (returning(predict=np.ones((4, 1), bool)), "scored", "predict returned bool: it must be real numbers"),
        (returning(get_weights=None), "scored", "get_weights returned None: it must be a list of arrays"),
        (returning(details={"rate": np.float32(1)}), "scored", "details returned what can't be written as JSON: .* float32"),
        (returning(fit={"loss": iter([1.0])}), "timed", "iterator .* as 'loss': it must be a value for each of 3 epochs"),
    ],
)
def test_a_contestant_that_breaks_its_interface_is_told_how(request_of, contestant, kind, message):
    with pytest.raises(ValueError, match=message):
        figures(request_of(kind), contestant)


@pytest.mark.parametrize("history", [{"loss": [1.0] * 3}, {"loss": [1.0], "accuracy": [1.0] * 3}])
def test_a_history_that_lacks_epochs_is_refused(request_of, history):
    class Short(tiny.Tiny):
        def fit(self, on_epoch_end):
            super().fit(on_epoch_end)
            return history

    with pytest.raises(ValueError, match="it must be a value for each of 3 epochs"):
        figures(request_of("timed"), Short)


def test_a_figure_that_a_contestant_does_not_have_is_no_difference_but_missing(tmp_path):
    reference = {name: np.zeros((3, 1)) for name in ("weights", "loss", "accuracy", "predictions")}
    np.savez(tmp_path / "t.npz", **reference)
    found = differences({**reference, "accuracy": np.full((3, 1), np.nan)}, tmp_path / "t.npz")
    assert np.isnan(found["accuracy"]).all()
    assert np.max(found["loss"]) == 0


def test_a_prediction_that_is_put_off_or_remembered_counts_as_long_as_it_takes(request_of):
    clock = FakeClock()

    class Later:
        def __init__(self, values):
            self.values = values

        def __array__(self, dtype=None, copy=None):
            clock.seconds += 0.01
            return np.array(self.values, dtype)

    class PutsOff(tiny.Tiny):
        def predict(self, x):
            clock.seconds += 1e-6
            return Later(super().predict(x))

    class Remembers(tiny.Tiny):
        kept = {}  # noqa: RUF012

        def predict(self, x):
            clock.seconds += 1e-6
            if x.tobytes() not in self.kept:
                clock.seconds += 0.01
                self.kept[x.tobytes()] = super().predict(x)
            return self.kept[x.tobytes()]

    for contestant in (PutsOff, Remembers):
        (one,) = figures(request_of("predict", prediction_rows=[1]), contestant, clock)["latencies"]
        assert one["minimum_seconds"] == pytest.approx(0.01, rel=0.01)


def test_a_predictor_that_answers_from_memory_is_named(request_of):
    clock = FakeClock()

    class Remembers(tiny.Tiny):
        def predict(self, x):
            return x.sum(axis=1, keepdims=True)

        def predictor(self):
            kept = {}

            def call(x):
                clock.seconds += 0.01
                return kept.setdefault(id(x), self.predict(x))

            return call

    with pytest.raises(CheatError, match="away from those of predict when the rows in its array change"):
        figures(request_of("predict", prediction_rows=[1]), Remembers, clock)


@pytest.mark.parametrize("answer", [None, "no", [1, 2]])
def test_a_predictor_that_does_not_predict_is_named(request_of, answer):
    clock = FakeClock()

    class Idles(tiny.Tiny):
        def predictor(self):
            def call(_x):
                clock.seconds += 0.01
                return answer

            return call

    with pytest.raises(CheatError, match=r"the predictor returned .* it must be real and"):
        figures(request_of("predict", prediction_rows=[1]), Idles, clock)
