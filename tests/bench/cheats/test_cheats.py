"""Every cheat is found and named, in real processes; an honest contestant beside them isn't accused."""

import re
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
from harness import Watcher, real_machine, run_record, workload

from bench.analysis.selection import succeeded
from bench.contestants.registry import Spec
from bench.execution.process_trees import MARK
from bench.execution.runner import Job, Runner
from bench.records import read_run
from bench.workloads.data_sets import Split

CHEATS = Path(__file__).with_name("cheats.py")
FROM_ELSEWHERE = "the predictions are up to .* away from those of the weights"
FOUND = {
    "TellsEpochsEarly": ("failed", "epochs that on_epoch_end told of add up to"),
    "TellsEpochsLate": ("failed", "the weights didn't change after epoch"),
    "TellsTooFewEpochs": ("failed", "called on_epoch_end 39 times"),
    "TellsTooManyEpochs": ("failed", "called on_epoch_end 41 times"),
    "TrainsInWarmUp": ("failed", "weights before the first update differ"),
    "TrainsInInit": ("failed", "weights before the first update differ"),
    "HidesWhatItTrained": ("failed", "the weights didn't change after epoch"),
    "TrainsWhenScored": ("failed", "no update was made in the fit.*that of the scored fit is"),
    "TrainsOneBatchWhenTimed": ("failed", "weights didn't change|the timed fit of seed 0 ends at .*the scored one at"),
    "TrainsNever": ("failed", "no update was made in the fit"),
    "TrainsInAChild": ("failed", "copy of the worker's process|answer of another request"),
    "TrainsInAThread": ("failed", f"get_weights worked for .* s, and the whole fit|predict's outputs differ|{FROM_ELSEWHERE}"),
    "PatchesArrayEqual": ("failed", "no update was made in the fit"),
    "OverwritesTargets": ("failed", "read-only"),
    "MakesTargetsWritable": ("failed", "cannot set WRITEABLE flag"),
    "MakesTargetsBaseWritable": ("failed", "cannot set WRITEABLE flag"),
    "OverwritesRows": ("failed", "read-only"),
    "OverwritesFirstWeights": ("failed", "read-only"),
    "OverwritesDataFile": ("failed", "has been changed since the runner wrote it"),
    "ReplacesDataFile": ("failed", "has been changed since the runner wrote it"),
    "PredictsNaN": ("diverged", "predictions aren't finite after epoch (1|40)$"),
    "PredictsInfinity": ("diverged", "predictions aren't finite"),
    "PredictsComplex": ("failed", "predict returned complex"),
    "PredictsObjects": ("failed", "predict returned object"),
    "PredictsTooFewRows": ("failed", "predict returned the shape"),
    "LossOfNaN": ("diverged", "the loss was nan in epoch 40 of 40"),
    "PatchesMeasurement": ("failed", "the clock showed .* s for a fit that took .* s"),
    "PatchesTheWholeTrial": ("failed", "worker's clock showed .* s for a fit that took .* s by the runner's"),
    "PatchesWhileDisturbed": ("failed", "in each of . attempts: the worker was stopped and continued"),
    "PatchesAccuracy": ("failed", "the worker's test_accuracy was 1.0, and is .* by the runner's own y_test"),
    "PatchesLoss": ("failed", "the worker's test_loss was 0.0, and is .* by the runner's own y_test"),
    "AnswersByItself": ("failed", "an answer of another request"),
    "AnswersWithoutEnd": ("failed", "was said to have 1152921504606846976 bytes"),
    "AnswersWithoutBottom": ("failed", "the worker's answer is no JSON"),
    "ReplacesItsLog": ("failed", "exited with code 9$|ReplacesItsLog-.*.log: it is a pipe"),
    "ForgetsWeights": ("failed", "get_weights returned 1 arrays"),
    "DetailsWithoutBottom": ("failed", "details returned what can't be written as JSON"),
    "DetailsOfWrongShape": ("failed", "details returned 5 as 'options'"),
    "Daemon": ("failed", "the worker exited with code 7"),
    "UnnamedSignal": ("failed", "ended by signal 40"),
    "Surrogate": ("failed", r"bad name \\udcff"),
}
TURN_CHEATS = Path(__file__).with_name("turn_cheats.py")
BOTH = "an epoch takes .* in its turns, and .* in its whole fit|of its turns the test loss is .*of its scored fit"
"""What the turns of a cheat in a fit show besides, or the fit of one in turns."""
FOUND_IN_TURNS = {
    "IdlesInTurns": BOTH,
    "TellsWithoutEndInTurns": "called on_epoch_end more than 40 times",
    "TrainsOneBatchInTurns": BOTH,
    "TrainsFewerRowsInTurns": BOTH,
    "TellsEachEpochThrice": "called on_epoch_end more than 40 times",
    "TrainsFirstInTurns": BOTH,
    "TellsNegativeTurns": "the figures of a turn are none: epoch_seconds.0 is -1.0",
    "TellsTurnsOfNothing": "the figures of a turn are none: it has no epoch",
    "TellsTurnsOfText": "the figures of a turn are none: epoch_seconds is 'fast'",
    "TellsTooShortTurns": BOTH,
    "PutsUpdatesOff": "get_weights worked for .* s, and the whole fit for .* s",
    "TellsTooShortTurnsWhileDisturbed": BOTH,
    "PredictsTargetsMidway": FROM_ELSEWHERE,
    "PredictsOtherwiseTwice": "predict's outputs differ by up to .* when it is called again|the predictor's outputs are up to",
    "PredictsTargets": FROM_ELSEWHERE,
    "PredictsWithAnother": FROM_ELSEWHERE,
    "ForgesEverything": FROM_ELSEWHERE,
    "StopsHalfway": ".* of 40 epochs took less than .* s, and others",
    "RaisesItsPriority": "runs at the priority -10, and the harness at|PermissionError",
    "ShortensItsTask": "fit called on_epoch_end 5 times|fit returned 5 values",
    "TellsOfSmallerBatches": "ready for 320 steps an epoch: the task has 20|of 12800 steps: the task has 800",
    "TrainsInAChildAfterTheFit": "a thread or a child process worked|no update was made",
    "TellsOfMarksWithoutEnd": "the worker told of 'ready', which isn't due",
}
CORRECTED = ("SlowStart",)
HONEST = ("Honest", "PatchesPerfCounter", "CleansUp")


def moons(data, seed):
    rng = np.random.default_rng(seed)
    angle, side = rng.uniform(0, np.pi, 400), rng.integers(0, 2, 400)
    sign = 1 - 2 * side
    x = np.stack([sign * np.cos(angle) + side, sign * np.sin(angle) + 0.5 * side], axis=1) + rng.normal(0, 0.1, (400, 2))
    y = side[:, None].astype(float)
    return Split(x[:320], y[:320], x[320:], y[320:])


def run(directory, targets):
    """The trials of one run in which all of them take part, by contestant."""
    specs = [Spec(name, target, "for a test", environment={"TMPDIR": str(directory)}) for name, target in targets.items()]
    training = {"epochs": 40, "batch_size": 16, "optimizer": {"name": "sgd", "learning_rate": 0.1}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.execution.request_builder.make_split", moons)
        job = Job(directory, run_record(), [(workload(training=training, rounds=1, launches=1, scored_seeds=1), specs)])
        Runner(job, real_machine(directory), Watcher()).run()
    found = read_run(directory).trials
    return {spec.name: [trial for trial in found if trial.contestant == spec.name] for spec in specs}


@pytest.fixture(scope="module")
def trials(tmp_path_factory):
    """The trials by contestant; and the folder."""
    directory = tmp_path_factory.mktemp("cheats")
    return run(directory, {name: f"{CHEATS}:{name}" for name in [*HONEST, *FOUND]}), directory


@pytest.fixture(scope="module")
def turn_trials(tmp_path_factory):
    targets = {"Honest": f"{CHEATS}:Honest"} | {name: f"{TURN_CHEATS}:{name}" for name in [*FOUND_IN_TURNS, *CORRECTED]}
    return run(tmp_path_factory.mktemp("turns"), targets)


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the cheats fork, and look into /proc")


@pytest.mark.parametrize("name", FOUND)
def test_a_cheat_is_found_and_named(trials, name):
    status, error = FOUND[name]
    wrong = [trial for trial in trials[0][name] if trial.status not in ("ok", "skipped")]
    assert {trial.status for trial in wrong} == {status}
    assert any(re.search(error, trial.error) for trial in wrong), [trial.error for trial in wrong]
    assert all(re.search(f"{error}|{BOTH}", trial.error) for trial in wrong), [trial.error for trial in wrong]
    assert all(trial.status != "ok" or trial.kind in ("scored", "turns") for trial in trials[0][name])
    assert all(trial.test_accuracy is None for trial in wrong)


@pytest.mark.parametrize("name", FOUND_IN_TURNS)
def test_a_cheat_in_turns_or_predictions_is_found_and_named(turn_trials, name):
    wrong = [trial for trial in turn_trials[name] if trial.status not in ("ok", "skipped")]
    assert wrong
    assert {trial.status for trial in wrong} == {"failed"}
    assert all(re.search(FOUND_IN_TURNS[name], trial.error) for trial in wrong), [trial.error for trial in wrong]


def test_a_cold_start_is_what_the_runner_saw(turn_trials):
    shown = [trial.cold_start_seconds for trial in turn_trials["SlowStart"] if trial.cold_start_seconds is not None]
    assert shown
    assert min(shown) > 0.01


def test_honest_turns_beside_cheats_are_not_accused(turn_trials):
    assert {(trial.status, trial.error) for trial in turn_trials["Honest"]} == {("ok", None)}


def test_the_turns_of_a_cheat_count_in_no_figure(trials):
    counted = {trial.contestant for trial in succeeded(read_run(trials[1]), "turns")}
    assert counted == set(HONEST)


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_contestant_is_not_accused(trials, name):
    assert [(trial.kind, trial.status, trial.error) for trial in trials[0][name]] == [
        (kind, "ok", None) for kind in ("scored", "turns", "timed")
    ]


def test_no_process_of_a_contestant_outlives_the_run(trials):
    assert (trials[1] / "daemon").exists()
    marked = []
    for process in psutil.process_iter():
        try:
            environment = process.environ()
        except psutil.Error:
            continue
        if MARK in environment and environment.get("TMPDIR") == str(trials[1]):
            marked.append(process.pid)
    assert marked == []
