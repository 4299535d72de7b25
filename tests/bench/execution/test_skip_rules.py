import pytest
from harness import spec, workload
from made_records import make_trial

from bench.execution.schedule import PlannedTrial
from bench.execution.skip_rules import RepeatedFailures, ScalingCutoff
from bench.execution.skip_rules.repeated_failures import FAILURES_TO_GIVE_UP

GRID = workload(rounds=9, launches=1, grid={"width": [4, 8], "batch": [1]})


def planned(contestant="Tiny", width=4, number=1, kind="timed"):
    return PlannedTrial(GRID, spec(contestant), kind, seed=0, round=number, launch=1, point={"width": width, "batch": 1})


def ended(contestant="Tiny", width=4, number=0, step=1.0, **fields):
    figures = {"workload": "small", "kind": "timed", "steps": 3, "epoch_seconds": [9 * step, step, step], **fields}
    return make_trial(contestant=contestant, round=number, point={"width": width, "batch": 1}, **figures)


def failed(width=4, status="failed", **fields):
    return ended(width=width, status=status, **{"error": "RuntimeError: no", **fields})


def observed(rule, *trials):
    for trial in trials:
        rule.observe(trial)
    return rule


def test_failures_count_in_their_cell_and_in_larger_ones_of_the_same_contestant_and_workload():
    rule = observed(RepeatedFailures(), *[failed(width=8)] * FAILURES_TO_GIVE_UP)
    assert rule.reason(planned(width=8)) == "given up after 2 failures in a row; the last was RuntimeError: no"
    assert rule.reason(planned(width=16))
    assert rule.reason(planned(width=4)) is None
    assert rule.reason(planned("Twin", width=8)) is None
    assert observed(RepeatedFailures(), *[failed(workload="other")] * 2).reason(planned()) is None


def test_a_time_limit_counts_as_a_failure_and_a_skipped_trial_does_not():
    assert observed(RepeatedFailures(), failed(), failed(status="timeout")).reason(planned())
    assert observed(RepeatedFailures(), failed(), failed(status="skipped")).reason(planned()) is None


def test_a_success_clears_the_failures_in_its_cell_and_in_smaller_ones():
    assert observed(RepeatedFailures(), failed(), failed(), ended(width=8)).reason(planned()) is None
    assert observed(RepeatedFailures(), failed(width=8), failed(width=8), ended()).reason(planned(width=8))


def test_the_reason_of_an_old_record_that_called_a_skipped_trial_failed_is_not_repeated_in_itself():
    old = failed(error="given up after 2 failures in a row; the last was RuntimeError: no")
    rule = observed(RepeatedFailures(), failed(), failed(), old, old)
    assert rule.reason(planned()) == "given up after 2 failures in a row; the last was RuntimeError: no"


@pytest.mark.parametrize("kind", ["tune", "predict"])
def test_the_scaling_cutoff_is_for_timed_trials_alone(kind):
    rule = observed(ScalingCutoff(["Tiny", "Twin"]), ended("Tiny"), ended("Twin", step=3.0))
    assert rule.reason(planned("Twin"))
    assert rule.reason(planned("Twin", kind=kind)) is None


def test_a_cell_that_no_contestant_has_been_timed_in_is_never_skipped():
    rule = observed(ScalingCutoff(["Tiny"]), ended("Twin", step=100.0))
    assert rule.reason(planned("Twin", width=8)) is None


def test_a_trial_that_failed_or_had_one_epoch_says_nothing_of_a_cell():
    trials = [ended("Tiny", status="failed", error="no"), ended("Tiny", epoch_seconds=[1.0])]
    assert observed(ScalingCutoff(["Tiny", "Twin"]), *trials, ended("Twin", step=3.0)).reason(planned("Twin")) is None
