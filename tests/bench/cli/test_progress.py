import io
from datetime import datetime

import pytest
from harness import FakeClock, spec, workload
from rich.console import Console

from bench.cli.progress import time_left, watching
from bench.execution.schedule import PlannedTrial
from bench.records import Trial

PLANNED = PlannedTrial(workload(), spec("Tiny"), "timed", seed=3, round=3, launch=1, point={"width": 8})


def trial(**fields):
    plain = {"run_id": "r", "workload": "small", "contestant": "Tiny", "kind": "timed", "seed": 3, "round": 3, "launch": 1}
    return Trial(
        **{
            **plain,
            "status": "ok",
            "dtype": "float32",
            "threads": 1,
            "started_at": "2026-01-01T00:00:00Z",
            "point": {"width": 8},
            **fields,
        }
    )


def shown(terminal, width=200):
    output, clock = io.StringIO(), FakeClock()
    with watching(
        Console(file=output, force_terminal=terminal, width=width, color_system=None),
        lambda: "so far: [58, 71]",
        clock=clock,
        now=lambda: datetime(2026, 1, 1, 12, 5, int(clock())),
    ) as observer:
        observer.note("by the way")
        observer.started(PLANNED, 1, 4, 75.0)
        clock.seconds = 10.0
        observer.ended(trial(fit_seconds=1.25), 2, 4)
        observer.ended(trial(status="failed", error="RuntimeError: [no]"), 3, 4)
        observer.launch_ended("small")
    return output.getvalue()


def test_off_a_terminal_each_trial_is_a_plain_line_with_the_time_of_day_and_each_launch_has_its_ratio():
    assert shown(terminal=False).splitlines() == [
        "by the way",
        "12:05:10 [2/4, about 1 min 05 s left] small Tiny timed width 8, seed 3: 1.25 s",
        "12:05:10 [3/4, about 1 min 05 s left] small Tiny timed width 8, seed 3: failed: RuntimeError: [no]",
        "12:05:10 so far: [58, 71]",
    ]


def test_off_a_terminal_a_cells_skipped_trials_are_one_line_for_each_reason_and_the_counter_goes_on():
    output = io.StringIO()
    with watching(Console(file=output, width=200), now=lambda: datetime(2026, 1, 1, 12, 5)) as observer:
        for done, fields in enumerate(
            [
                {"status": "skipped", "error": "too slow"},
                {"fit_seconds": 1.0},
                {"status": "skipped", "error": "too slow", "contestant": "Twin"},
                {"status": "skipped", "error": "too slow", "round": 4},
                {"status": "skipped", "error": "given up", "point": {"width": 16}},
            ],
            start=1,
        ):
            observer.ended(trial(**fields), done, 5)
    assert output.getvalue().splitlines() == [
        "12:05:00 [2/5] small Tiny timed width 8, seed 3: 1 s",
        "12:05:00 [4/5] small timed width 8: 3 trials of Tiny, Twin skipped: too slow",
        "12:05:00 [5/5] small timed width 16: 1 trial of Tiny skipped: given up",
    ]


@pytest.mark.parametrize("width", [80, 200])
def test_on_a_terminal_what_runs_and_the_ratio_so_far_are_shown_and_the_time_left_counts_down_during_a_trial(width):
    text = shown(terminal=True, width=width)
    assert "about 1 min 05 s left" in text
    assert "small Tiny timed width 8" in text
    assert "failed: RuntimeError: [no]" in text
    assert "so far: [58, 71]" in text


@pytest.mark.parametrize(("seconds", "text"), [(None, ""), (59.4, "about 59 s left"), (125, "about 2 min 05 s left")])
def test_the_time_left_is_said_in_minutes_and_seconds(seconds, text):
    assert time_left(seconds) == text


@pytest.mark.parametrize("terminal", [True, False])
def test_an_escape_sequence_in_an_error_is_shown_and_not_sent(terminal):
    output = io.StringIO()
    with watching(Console(file=output, force_terminal=terminal, width=200)) as observer:
        observer.ended(trial(status="failed", error="\x1b]0;owned\x07"), 3, 4)
    assert "\\x1b]0;owned\\x07" in output.getvalue()
    assert "\x1b]0;owned" not in output.getvalue()
