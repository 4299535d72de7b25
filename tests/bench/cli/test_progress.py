import io

import pytest
from harness import spec, workload
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


def shown(terminal):
    output = io.StringIO()
    with watching(Console(file=output, force_terminal=terminal, width=200)) as observer:
        observer.started(PLANNED, 1, 4, 75.0)
        observer.ended(trial(fit_seconds=1.25), 2, 4)
        observer.ended(trial(status="failed", error="RuntimeError: [no]"), 3, 4)
        observer.note("by the way")
    return output.getvalue()


def test_off_a_terminal_each_trial_is_a_plain_line():
    assert shown(terminal=False).splitlines() == [
        "[2/4, about 1 min 15 s left] small Tiny timed width 8, seed 3: 1.25 s",
        "[3/4, about 1 min 15 s left] small Tiny timed width 8, seed 3: failed: RuntimeError: [no]",
        "by the way",
    ]


def test_on_a_terminal_what_runs_and_the_time_left_are_shown_and_failures_stay():
    text = shown(terminal=True)
    assert "about 1 min 15 s left" in text
    assert "small Tiny timed width 8" in text
    assert "failed: RuntimeError: [no]" in text


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
