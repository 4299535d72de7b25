"""What the report says of trials that were disturbed and measured again. Called by `bench.analysis.noise_warnings`."""

from __future__ import annotations

from bench.records import RunData

MOST_NAMED = 5


def disturbed_warnings(data: RunData) -> list[str]:
    """Name the trials that were measured again, and what had disturbed them."""
    found = [
        f"{trial.contestant}'s {trial.kind} trial (workload {trial.workload}, seed {trial.seed}, round {trial.round}) "
        f"was disturbed and measured again: {'; '.join(dict.fromkeys(trial.disturbed))}. "
        "Its last attempt counts alone; leave the machine alone while it measures"
        for trial in data.trials
        if trial.disturbed
    ]
    more = len(found) - MOST_NAMED
    rest = [f"{more} more trials were disturbed and measured again: see `disturbed` of each trial"] if more > 0 else []
    return found[:MOST_NAMED] + rest
