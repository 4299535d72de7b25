"""The built-in workloads and their quick versions."""

from __future__ import annotations

import pytest

from bench.workloads import WORKLOADS, Workload, quick_version
from bench.workloads.validation import check


@pytest.mark.parametrize("workload", WORKLOADS.values(), ids=WORKLOADS)
def test_a_built_in_workload_keeps_the_rules_that_a_file_must_keep(workload: Workload) -> None:
    check(workload)


@pytest.mark.parametrize("workload", WORKLOADS.values(), ids=WORKLOADS)
def test_a_quick_workload_keeps_the_rules_too_and_is_no_larger(workload: Workload) -> None:
    quick = quick_version(workload)
    check(quick)
    assert quick.rounds <= 2
    assert quick.launches <= 2
    assert quick.scored_seeds <= 2
    assert len(quick.prediction_rows) <= 1
    for training in (quick.training, *quick.settings.values()):
        assert training.epochs <= (500 if training.batch_size is None else 30)
    assert (quick.name, quick.architecture, quick.data, quick.parity) == (
        workload.name,
        workload.architecture,
        workload.data,
        workload.parity,
    )


def test_a_quick_workload_asks_for_nothing_that_the_whole_one_does_not() -> None:
    assert quick_version(WORKLOADS["parity"]).kinds_of(peer=False) == ["parity"]
