import pytest

from bench.execution.turn_checks import Fit, cores_doubt, fit_of, pace_doubt, progress_doubt
from bench.records import Turn
from bench.records.disturbance import quiet, reasons

QUIET = {"canary_before_seconds": 1e-3, "canary_after_seconds": 1e-3, "wall_seconds": 0.1}


def turns_of(epoch_seconds, **figures):
    return [Turn(epoch_seconds=[epoch_seconds] * 6, **{**QUIET, **figures})] * 3


def fit(epoch_seconds, canary_seconds=1e-3):
    return Fit([epoch_seconds] * 8, (canary_seconds, canary_seconds))


def test_turns_that_do_a_quarter_of_the_work_are_named_with_both_figures():
    assert "an epoch takes 250 µs in its turns, and 1000 µs in its whole fit" in pace_doubt(turns_of(2.5e-4), fit(1e-3), 2)


def test_a_fit_that_does_a_quarter_of_the_work_of_its_turns_is_named_too():
    assert "1000 µs in its turns, and 250 µs in its whole fit" in pace_doubt(turns_of(1e-3), fit(2.5e-4), 2)


@pytest.mark.parametrize(
    ("turns", "whole"),
    [
        (turns_of(1e-3), fit(2e-3)),
        (turns_of(1e-3), fit(4e-3, canary_seconds=2e-3)),  # the machine was slower then
        (turns_of(2e-6), fit(9e-6)),  # most of it is the harness' own
        ([], fit(1e-3)),
        (turns_of(4e-5), Fit([4e-5, 4e-3], (1e-3, 1e-3))),  # another process had the core in one of two epochs
    ],
)
def test_no_pace_is_doubted_that_the_machine_or_the_harness_explains(turns, whole):
    assert pace_doubt(turns, whole, 2) is None


def test_beside_other_processes_only_a_large_difference_of_short_epochs_counts():
    load = {"canary_before_seconds": 1e-3, "canary_after_seconds": 1e-3}
    busy = {**load, "other_cpu_share": 0.2}
    assert pace_doubt(turns_of(5e-4), fit_of([1e-3] * 8, busy), 2) is None
    assert pace_doubt(turns_of(5e-3), fit_of([0.1] * 8, busy), 2) is None
    assert "in its turns" in pace_doubt(turns_of(5e-3), fit_of([1.0] * 8, load, is_disturbed=True), 2)
    threads = {"run_seconds": 0.19, "wait_seconds": 0.0}
    assert pace_doubt(turns_of(5e-3, **threads), fit_of([1.0] * 8, busy), 2) is None
    assert "in its turns" in pace_doubt(turns_of(1e-7, **threads), fit_of([1e-3] * 8, busy), 2)
    one_turn_of_two_readings = [*turns_of(1e-5), *turns_of(1e-5, **threads)[:1]]
    assert "in its turns" in pace_doubt(one_turn_of_two_readings, fit_of([1e-3] * 8, busy), 2)
    assert "10 µs in its turns" in pace_doubt(turns_of(1e-5), fit_of([1e-3] * 8, busy), 2)
    assert fit_of([1e-3] * 8, {}) is None
    assert fit_of([1e-3] * 2, load) is None
    assert fit_of([5.0] + [1e-3] * 8, load) == fit(1e-3)


def test_more_cores_than_threads_are_named():
    assert cores_doubt(turns_of(1e-3, run_seconds=0.19), 1) == "it worked on 1.9 cores in its turns, and task.threads is 1"
    assert cores_doubt(turns_of(1e-3, run_seconds=0.19), 2) is None
    assert cores_doubt(turns_of(1e-3), 1) is None


def test_turns_that_do_not_come_as_far_as_the_scored_fit_are_named_with_both_losses():
    curve = [0.7, 0.5, 0.3, 0.2]
    told = [*turns_of(1e-3, epochs_done=2, test_loss=0.69), *turns_of(1e-3, epochs_done=4, test_loss=0.68)]
    found = progress_doubt(told, curve, 0.2, 0.05)
    assert found.startswith("after 4 epochs of its turns the test loss is 0.68, and after as many of its scored fit 0.2")
    honest = [*turns_of(1e-3, epochs_done=2, test_loss=0.51), *turns_of(1e-3, epochs_done=9, test_loss=None)]
    assert progress_doubt(honest, curve, 0.2, 0.05) is None
    best_restored = turns_of(1e-3, epochs_done=4, test_loss=0.1)
    assert progress_doubt(best_restored, curve, 0.1, 0.05) is None
    assert progress_doubt(best_restored, curve, 0.2, 0.05) is not None


def test_one_point_of_a_curve_that_jumps_is_no_evidence():
    points = [(1, 0.7), (2, 0.5), (3, 0.9)]
    told = [Turn(epoch_seconds=[1e-3], epochs_done=epoch, test_loss=loss, **QUIET) for epoch, loss in points]
    assert progress_doubt(told, [0.7, 0.5, 0.3], 0.3, 0.05) is None


def test_a_turn_in_which_the_worker_was_stopped_is_disturbed():
    turns = [*turns_of(1e-3), Turn(epoch_seconds=[1e-3], pause="the worker was stopped and continued", **QUIET)]
    assert reasons(turns, quiet(turns, 2)) == [None, None, None, "paused"]
