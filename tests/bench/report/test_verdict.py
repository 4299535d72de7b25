from dataclasses import replace

import pytest
from synthetic import Noise, change_trials, synthetic_run

from bench.analysis.summary import analyse
from bench.report.verdict import claims, compared, verdict

STILL = Noise(0.0, 0.0, 0.0, 0.0)


def slowed(data, factor, **selected):
    def change(trial):
        seconds = [factor * value for value in trial.epoch_seconds]
        return trial.model_copy(update={"epoch_seconds": seconds, "fit_seconds": factor * trial.fit_seconds})

    return change_trials(data, change, kind="timed", status="ok", **selected)


@pytest.fixture(scope="module")
def still():
    return synthetic_run(noise=STILL)


def judgements(data):
    return [claim.judgement for claim in claims(analyse(data))]


@pytest.mark.parametrize(
    ("ratio", "low", "high", "words"),
    [
        (0.0125, 0.01, 0.02, "1/80 [1/100, 1/50] of the time"),
        (0.6, 0.4, 0.8, "0.6 [0.4, 0.8] of the time"),
        (0.4, 0.2, 0.8, "1/2.5 [1/5, 1/1.25] of the time"),
        (0.8, 0.7, 0.9, "0.8 [0.7, 0.9] of the time"),
        (1.3, 1.2, 1.4, "1.3 [1.2, 1.4] times the time"),
        (250.0, 200.0, 300.0, "250 [200, 300] times the time"),
        (1.01, 0.95, 1.07, "the same time, as far as this run can tell (ratio 1.01 [0.95, 1.07]), as that"),
        (0.02, float("nan"), float("nan"), "1/50 times the time (too few rounds for an interval)"),
    ],
)
def test_a_ratio_is_put_into_words_by_where_its_interval_lies(ratio, low, high, words):
    assert compared({"ratio": ratio, "low": low, "high": high}) == words


def test_the_verdict_answers_each_question_from_the_figures(still):
    text = "\n".join(verdict(analyse(still)))

    assert "are the same computation: they differ by at most 1.1e-16 in the loss and 8.9e-16 in the weights over 870 steps" in text
    assert "over 6 seeds is 97.1 % for `numpy_nn` and 97.1 % for `keras`: a difference of +0.00 points, equal" in text
    assert "takes 1/75 [1/75, 1/75] of the time of a step of `keras`, and 1/38.9 [1/38.9, 1/38.9] of the time" in text
    assert "From process start to 95 % test accuracy" in text
    assert "is `jax`: a step of `numpy_nn` takes 0.75 [0.75, 0.75] of the time" in text
    assert "takes 1.71 [1.71, 1.71] times its floor" in text
    assert "first in 32, and first or within 5 % of the first in 32 (89 %)" in text
    assert "failed or ran out of time for `torch`" in text
    assert "not measured: `keras-torch`" in text


def test_a_workload_of_your_own_has_its_verdict_too(still):
    workloads = [
        {**workload, "name": {"moons": "mine"}.get(workload["name"], workload["name"])} for workload in still.run.workloads
    ]
    trials = [
        trial.model_copy(update={"workload": {"moons": "mine"}.get(trial.workload, trial.workload)}) for trial in still.trials
    ]
    mine = replace(still, run=still.run.model_copy(update={"workloads": workloads}), trials=trials)

    assert verdict(analyse(mine)) == verdict(analyse(still))


def test_where_each_contestant_has_its_own_training_steps_are_not_compared(still):
    only_article = change_trials(still, lambda trial: None, workload="moons")
    workloads = [workload for workload in still.run.workloads if workload["name"] == "article"]
    data = replace(only_article, run=still.run.model_copy(update={"workloads": workloads}))

    assert "a step of" not in "\n".join(verdict(analyse(data)))


def test_a_broken_parity_is_said_first_and_loudly(still):
    def change(trial):
        return trial.model_copy(update={"parity": trial.parity.model_copy(update={"weights": [1e-3] * len(trial.parity.weights)})})

    broken = change_trials(still, change, kind="parity", contestant="numpy_nn")

    assert "are NOT the same computation" in verdict(analyse(broken))[0]


def test_an_interrupted_run_says_so(still):
    halted = type(still)(still.directory, still.run.model_copy(update={"status": "interrupted"}), still.trials)

    assert "interrupted" in verdict(analyse(halted))[-1]


@pytest.mark.parametrize(
    ("factor", "judgement"),
    [(1.0, "the opposite holds"), (20.0, "slower, but not tens of times"), (100.0, "holds")],
)
def test_the_claim_of_slowness_is_judged_by_the_runs_as_published(still, factor, judgement):
    assert judgements(slowed(still, factor, workload="article", contestant="article"))[1] == judgement


def test_the_claim_is_undecided_where_the_interval_holds_one():
    level = slowed(synthetic_run(noise=Noise(launch=0.1)), 2.7e-3 / 36e-6, workload="moons", contestant="numpy_nn")

    assert judgements(level)[2] == "undecided"


@pytest.mark.parametrize(("factor", "judgement"), [(1.0, "the opposite holds"), (1000.0, "holds")])
def test_like_for_like_is_judged_by_the_identical_comparison(still, factor, judgement):
    assert judgements(slowed(still, factor, workload="moons", contestant="numpy_nn"))[2] == judgement


@pytest.mark.parametrize(("factor", "judgement"), [(1.0, "holds: optimising made it faster"), (10.0, "doesn't hold here")])
def test_the_cause_is_judged_by_the_optimised_network_on_the_same_training(still, factor, judgement):
    assert judgements(slowed(still, factor, workload="article", contestant="numpy_nn"))[3] == judgement


def test_an_accuracy_below_the_articles_is_not_called_confirmed(still):
    worse = change_trials(
        still, lambda trial: trial.model_copy(update={"test_accuracy": 0.9}), workload="article", contestant="keras"
    )

    assert judgements(worse)[0] == "doesn't hold here"
