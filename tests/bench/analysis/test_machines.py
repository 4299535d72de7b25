"""Runs that were measured on several machines: whatever is compared comes from one of them."""

from dataclasses import replace

import pytest
from synthetic import synthetic_run

from bench.analysis.latency import OWN_CALL, latency_tables
from bench.analysis.machines import disagreements, machine_ratio_rows
from bench.analysis.steps import quiet_figures
from bench.analysis.summary import analyse
from bench.analysis.timing import measurements, ratio_rows
from bench.records import MachineRecord
from bench.report import sections
from bench.report.plot_data import PlotData

SLOWER = 3.0


def on_two_machines(data, *, slower=("numpy_nn", "keras")):
    """The last launches were on a machine on which some contestants take longer."""

    def moved(trial):
        if trial.kind not in ("timed", "turns", "predict") or trial.launch < 3:
            return trial
        factor = SLOWER if trial.contestant in slower else 1.0
        epochs = trial.epoch_seconds and [factor * seconds for seconds in trial.epoch_seconds]
        return trial.model_copy(update={"machine": "other", "epoch_seconds": epochs})

    other = MachineRecord(name="other", cpu="another", cores=8, operating_system="a system", blas="a BLAS")
    trials = [moved(trial) for trial in data.trials]
    return replace(data, trials=trials, run=data.run.model_copy(update={"machines": [other]}))


def ours(rows, reference="keras"):
    return [
        row
        for row in rows
        if (row.workload, row.contestant, row.reference, row.measure) == ("moons", "numpy_nn", reference, "step")
    ]


def test_a_run_of_one_machine_has_no_table_of_machines(data):
    assert machine_ratio_rows(data, measurements(data)) == []


def test_each_machine_has_its_ratios_and_a_ratio_that_differs_is_told(tmp_path):
    data = on_two_machines(synthetic_run(rounds=12, launches=6), slower=("numpy_nn",))
    rows = machine_ratio_rows(data, measurements(data))
    here, there = ours(rows)
    assert (here.machine, there.machine) == (f"this machine ({data.run.environment.cpu})", "other")
    assert here.launches + there.launches == ours(ratio_rows(measurements(data)))[0].launches
    assert there.ratio == pytest.approx(SLOWER * here.ratio, rel=0.2)
    (sentence,) = [text for text in disagreements(rows) if "`keras`'s in `moons`" in text]
    assert "on `other`" in sentence
    assert sentence in analyse(data).warnings


def test_machines_on_which_everything_takes_longer_agree():
    data = on_two_machines(synthetic_run(rounds=12, launches=6))
    assert [text for text in disagreements(machine_ratio_rows(data, measurements(data))) if "`keras`'s in `moons`" in text] == []


def test_trials_of_two_machines_are_never_paired(data):
    """All of Keras was measured on another machine."""
    trials = [
        trial.model_copy(update={"machine": "other"}) if trial.contestant.startswith("keras") else trial for trial in data.trials
    ]
    apart = replace(data, trials=trials)
    assert ours(ratio_rows(measurements(data)))
    assert ours(ratio_rows(measurements(apart))) == []
    assert ours(ratio_rows(measurements(apart)), "jax")
    _, latencies = latency_tables(apart)
    compared = latencies[(latencies["contestant"] == "numpy_nn") & (latencies["reference"] == OWN_CALL)]
    assert len(compared)
    assert compared["ratio"].isna().all()


def test_each_machine_is_judged_by_its_own_canary():
    data = synthetic_run(turns=20)
    quick, slow = 1e-6, 1e-3

    def with_canary(trial, seconds, machine):
        turns = [
            turn.model_copy(update={"canary_before_seconds": seconds, "canary_after_seconds": seconds}) for turn in trial.turns
        ]
        return trial.model_copy(update={"turns": turns, "machine": machine})

    trials = [
        with_canary(trial, slow if trial.launch % 2 else quick, "other" if trial.launch % 2 else None) if trial.turns else trial
        for trial in data.trials
    ]
    known = quiet_figures(replace(data, trials=trials))
    assert known[None].canary_seconds == pytest.approx(quick)
    assert known["other"].canary_seconds == pytest.approx(slow)


def test_the_report_has_a_table_for_each_machine():
    data = on_two_machines(synthetic_run(rounds=12, launches=6), slower=("numpy_nn",))
    analysis = analyse(data)
    assert set(analysis.machines["machine"]) == {f"this machine ({data.run.environment.cpu})", "other"}
    document = sections.build(analysis, [], PlotData())
    (section,) = [one for one in document.sections if one.title == "Each machine"]
    assert [table.name for table in section.blocks][1] == "machine-other"
    assert [table.columns for table in section.blocks] == [("workload", "compared with", "step", "launches")] * 2
