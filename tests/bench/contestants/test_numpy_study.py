"""The seeds of a cell that `numpy_nn` trains together end as each does alone, and so do their scores."""

from dataclasses import asdict

import numpy as np
import pytest
from harness import spec, workload

from bench.contestants.registry import load
from bench.execution.ensembles import FIGURES, Ensembles
from bench.execution.executors.work import Answer, Work
from bench.execution.fast_paths import STUDY_PATHS
from bench.execution.messages import Request
from bench.execution.request_builder import RequestBuilder
from bench.execution.schedule import plan
from bench.execution.trial_session import TrialSession
from bench.execution.worker_process import Outcome

SCORES = ("history", "test_accuracy", "test_loss", "test_predictions", "steps")


def study(**fields):
    return workload(scored_seeds=4, grid={"width": [5], "learning_rate": [0.3]}, **fields)


def requested(directory, trials):
    builder = RequestBuilder(directory, threads=1)
    target = STUDY_PATHS["numpy_nn"]

    def make(planned):
        asked = builder.request(planned, {})
        return Request(**{**vars(asked), "target": target})

    ensembles = Ensembles(trials)
    head = ensembles.begin(trials[0], make)
    assert isinstance(head, Work)
    return ensembles, make, [head.assignments[0].request, *map(make, trials[1:])]


@pytest.fixture(params=[{}, {"training": {"epochs": 3, "optimizer": {"name": "adam"}, "batch_size": None, "dtype": "float64"}}])
def trained(request, tmp_path):
    trials = plan([(study(**request.param), [spec("numpy_nn")])], seed=0)
    ensembles, make, requests = requested(tmp_path, trials)
    session = TrialSession(load)
    together = session.measure(Request.from_line(requests[0].to_line()))
    alone = [TrialSession(load).measure(Request(**{**vars(one), "together": ()})) for one in requests]
    return ensembles, make, trials, together, alone


def test_each_seed_gives_what_it_gives_alone_and_its_record_says_how_it_was_trained(trained):
    ensembles, make, trials, together, alone = trained
    answers = [ensembles.received(trials[0], Answer([Outcome("ok", together)], machine="other"))]
    answers += [ensembles.begin(planned, make) for planned in trials[1:]]
    assert [answer.machine for answer in answers] == ["other"] * 4
    outcomes = [answer.outcomes[0] for answer in answers]
    digits = 1e-12 if trials[0].workload.training.dtype == "float64" else 1e-5
    for one, other in zip(outcomes, alone, strict=True):
        assert one.status == "ok"
        assert one.figures["details"] == {"fast_path": "ensemble of 4 networks"}
        for name in SCORES:
            own, usual = one.figures[name], other[name]
            if name == "history":
                assert own.keys() == usual.keys()
                own, usual = ([figures[key] for key in sorted(figures)] for figures in (own, usual))
            np.testing.assert_allclose(own, usual, rtol=0, atol=digits)
        assert "fast_path" not in other["details"]


def test_figures_that_are_not_what_the_predictions_give_are_not_taken(trained):
    ensembles, make, trials, together, _ = trained
    wrong = [{**figures, "test_loss": figures["test_loss"] + 0.01} for figures in together["details"][FIGURES]]
    figures = {**together, "details": {FIGURES: [wrong[0], {"nonsense": 1}, None]}}
    ensembles.received(trials[0], Answer([Outcome("ok", figures)]))
    assert all(isinstance(ensembles.begin(planned, make), Work) for planned in trials[1:])


def test_seeds_wait_for_the_first_of_their_cell_alone():
    trials = plan([(workload(scored_seeds=3, grid={"width": [4, 5]}), [spec("numpy_nn"), spec("keras")])], seed=0)
    ensembles = Ensembles(trials)
    waits = [[other.seed for other in trials if ensembles.waits_for(one, other)] for one in trials]
    assert waits == [[], [0], [0], [], [0], [0]] + [[]] * 6
    assert [ensembles.is_awaited(one) for one in trials[:6]] == [True, False, False, True, False, False]


@pytest.mark.parametrize(
    "entry",
    [
        workload(scored_seeds=3),
        study(training={"epochs": 3, "shuffle": True}),
        workload(scored_seeds=1, grid={"width": [4]}),
        study(time_limit_seconds=0.001),
    ],
    ids=["no study", "each seed's own order", "one seed", "a time limit that one alone may need"],
)
def test_what_can_not_be_trained_together_is_trained_alone(entry):
    trials = plan([(entry, [spec("numpy_nn")])], seed=0)
    assert not any(Ensembles(trials).is_awaited(one) for one in trials)


def test_where_another_seeds_file_is_missing_the_first_is_trained_alone(tmp_path):
    trials = plan([(study(), [spec("numpy_nn")])], seed=0)
    _, _, requests = requested(tmp_path, trials)
    gone = [{**one, "data": str(tmp_path / "gone.npz")} for one in requests[0].together]
    figures = TrialSession(load).measure(Request(**{**vars(requests[0]), "together": gone}))
    assert FIGURES not in figures["details"]
    assert len(asdict(requests[0])["together"]) == 3


def test_a_network_that_diverges_takes_no_other_with_it(tmp_path, monkeypatch):
    from bench.contestants.numpy_study import NumpyTogether

    class Diverging(NumpyTogether):
        def predict(self, x):
            outputs = super().predict(x)
            outputs[2] = np.nan
            return outputs

    monkeypatch.setattr("bench.contestants.numpy_study.NumpyStudy.TOGETHER", Diverging)
    trials = plan([(study(), [spec("numpy_nn")])], seed=0)
    _, _, requests = requested(tmp_path, trials)
    found = TrialSession(load).measure(requests[0])["details"][FIGURES]
    assert [one is None for one in found] == [False, True, False]
