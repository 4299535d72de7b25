from dataclasses import replace

import pytest
from synthetic import Noise, change_trials, synthetic_run

from bench.analysis.divergence import divergence
from bench.analysis.summary import analyse
from bench.report.claims import claims
from bench.report.verdict import answer, verdict, versus

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
        (0.0125, 0.01, 0.02, "is 80 × faster [50, 100] than"),
        (1.3, 1.2, 1.4, "is 1.3 × slower [1.2, 1.4] than"),
        (1.01, 0.95, 1.07, "shows no difference [1.05 × faster, 1.07 × slower] to"),
        (0.02, float("nan"), float("nan"), "is 50 × faster (too few rounds to tell) than"),
    ],
)
def test_a_ratio_is_put_into_words_by_where_its_interval_lies(ratio, low, high, words):
    assert versus({"ratio": ratio, "low": low, "high": high}) == words


def test_the_answer_is_one_sentence_with_speed_accuracy_and_computation(still):
    assert answer(analyse(still)) == (
        "NumPy trains this network 75 × faster than Keras [75 to 75], to the same accuracy, by the same computation."
    )


def test_too_few_rounds_are_not_called_the_same_time(still):
    one_round = change_trials(still, lambda trial: trial if trial.round == 0 else None, kind="timed")

    assert answer(analyse(one_round)).startswith(
        "Too few rounds to tell whether NumPy or Keras trains this network faster: a step took"
    )


def test_an_interval_that_holds_one_is_no_difference():
    level = slowed(synthetic_run(noise=Noise(launch=0.1)), 2.7e-3 / 36e-6, workload="moons", contestant="numpy_nn")

    assert answer(analyse(level)).startswith("No difference seen between the speed of NumPy and Keras [")


def test_an_answer_without_keras_is_of_the_fastest_of_the_others(still):
    alone = change_trials(still, lambda trial: None, contestant="keras")

    assert "than `jax` [" in answer(analyse(alone))


def test_a_training_that_diverged_is_said_in_the_answer_and_a_warning(still):
    def change(trial):
        return trial.model_copy(update={"history": {**trial.history, "loss": [float("nan")] * len(trial.history["loss"])}})

    lost = change_trials(still, change, kind="scored", contestant="keras")

    assert "but `keras` diverged" in answer(analyse(lost))
    assert divergence(lost) == [("moons", "keras", 6, 12)]


def test_the_verdict_answers_each_question_from_the_figures(still):
    text = "\n".join(verdict(analyse(still)))

    assert "are the same computation: they differ by at most 1.1e-16 in the loss and 8.9e-16 in the weights over 870 steps" in text
    assert "over 6 seeds is 97.1 % for `numpy_nn` and 97.1 % for `keras`: a difference of 0.00 points, equal" in text
    assert "is 75 × faster [75, 75] than one of `keras`, and is 39 × faster [39, 39] than one of `keras-tuned`" in text
    assert "From process start to 95 % test accuracy" in text
    assert "is `jax`: a step of `numpy_nn` is 1.3 × faster [1.3, 1.3] than one of `jax`" in text
    assert "takes 1.7 × [1.7, 1.7] its floor" in text
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


def test_a_run_without_a_clock_is_answered_by_what_it_computed(still):
    def of(*kinds, workload, without=""):
        trials = [trial for trial in still.trials if trial.kind in kinds and trial.workload == workload]
        return verdict(analyse(replace(still, trials=[trial for trial in trials if trial.contestant != without])))

    both = of("parity", "scored", workload="parity")
    assert both[0].startswith("`numpy_nn` and `keras` are the same computation")
    assert len(set(both)) == len(both)
    assert of("scored", workload="moons")[0].startswith("The mean test accuracy over 6 seeds is ")
    alone = of("scored", workload="moons", without="keras")[0]
    assert alone.startswith("No time was measured; the mean test accuracy is ")
    assert "% for `numpy_nn`, " in alone


def test_where_each_contestant_has_its_own_training_steps_are_not_compared(still):
    only_article = change_trials(still, lambda trial: None, workload="moons")
    workloads = [workload for workload in still.run.workloads if workload["name"] == "article"]
    data = replace(only_article, run=still.run.model_copy(update={"workloads": workloads}))

    assert "a step of" not in "\n".join(verdict(analyse(data)))


def test_a_broken_parity_is_said_first_and_loudly(still):
    def change(trial):
        return trial.model_copy(update={"parity": trial.parity.model_copy(update={"weights": [1e-3] * len(trial.parity.weights)})})

    broken = change_trials(still, change, kind="parity", contestant="numpy_nn")

    assert "but NOT by the same computation" in verdict(analyse(broken))[0]
    assert "are NOT the same computation" in verdict(analyse(broken))[1]


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


@pytest.mark.parametrize(
    ("factor", "judgement"), [(1.0, "the opposite holds"), (20.0, "slower, but not tens of times"), (300.0, "holds")]
)
def test_one_fit_of_each_is_judged_without_an_interval_and_says_so(still, factor, judgement):
    first = [trial for trial in still.trials if (trial.workload, trial.kind) != ("article", "timed") or trial.round == 0]
    found = judgements(slowed(replace(still, trials=first), factor, workload="article", contestant="article"))[1]
    assert found.startswith(judgement)
    assert "no interval" in found


def test_one_fit_of_each_decides_nothing_where_a_disturbance_could_have_made_the_difference(still):
    first = [trial for trial in still.trials if (trial.workload, trial.kind) != ("article", "timed") or trial.round == 0]
    fits = {trial.contestant: trial.fit_seconds for trial in first if (trial.workload, trial.kind) == ("article", "timed")}
    level = slowed(replace(still, trials=first), 1.5 * fits["keras"] / fits["article"], workload="article", contestant="article")
    assert judgements(level)[1].startswith("not tens of times longer; whether longer at all, this run leaves open")
    assert judgements(slowed(level, 8.0, workload="article", contestant="article"))[1].startswith("slower; how many times")


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
