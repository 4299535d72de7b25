import re

import pytest
from harness import CONTESTANTS

from bench.contestants import registry
from bench.execution import environment
from bench.execution.run_selection import RunOptions, new_job, resumed_job
from bench.execution.schedule import plan
from bench.records import RunData

TINY = f"{CONTESTANTS / 'tiny.py'}:Tiny"


@pytest.fixture
def without(monkeypatch):
    """Make packages look as if they weren't installed."""

    def hide(*packages):
        found = registry.importlib.util.find_spec
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name in packages else found(name))

    return hide


def names(job):
    return {workload.name: [spec.name for spec in specs] for workload, specs in job.entries}


def test_the_main_job_is_all_workloads_but_the_scaling_studies_with_everyone(tmp_path):
    job = new_job(RunOptions(), tmp_path, ["bench", "run"])
    taking_part = names(job)
    assert list(taking_part) == ["moons", "full-batch", "parity", "article"]
    assert all(not workload.grid for workload, _ in job.entries)
    assert {"numpy_nn", "keras", "keras-tuned"} <= set(taking_part["moons"])
    assert "article" not in taking_part["moons"]
    assert taking_part["article"] == ["article", "numpy_nn", "keras"]
    assert job.run.threads == environment.cores()


def test_a_workload_with_contestants_of_its_own_keeps_to_them_unless_both_were_named(tmp_path):
    assert names(new_job(RunOptions(contestants=["numpy_nn", "keras", "floor"]), tmp_path, []))["article"] == ["numpy_nn", "keras"]
    both = RunOptions(workloads=["article"], contestants=["numpy_nn", "floor"])
    assert names(new_job(both, tmp_path, []))["article"] == ["numpy_nn", "floor"]


def test_seeds_and_rounds_reshape_what_a_workload_has_and_give_it_nothing_new(tmp_path):
    job = new_job(RunOptions(workloads=["moons", "parity"], contestants=["numpy_nn", "keras"], seeds=3, rounds=1), tmp_path, [])
    moons, parity = (workload for workload, _ in job.entries)
    assert (moons.scored_seeds, moons.rounds, moons.launches) == (3, 1, 3)
    assert (parity.scored_seeds, parity.rounds, parity.parity) == (0, 0, True)


@pytest.mark.parametrize(("threads", "cells"), [(1, [1]), (2, [1, 2]), (8, [1, 2])])
def test_a_grid_has_no_more_threads_than_the_run(tmp_path, monkeypatch, threads, cells):
    monkeypatch.setattr("bench.execution.environment.cores", lambda: 8)
    job = new_job(RunOptions(workloads=["scaling"], contestants=["numpy_nn"], threads=threads), tmp_path, [])
    assert job.run.workloads[0]["grid"]["threads"] == cells


def test_quick_is_smaller_in_every_workload(tmp_path):
    def size(quick):
        job = new_job(RunOptions(workloads=["moons", "full-batch", "article", "scaling"], quick=quick), tmp_path, [])
        return [(workload.training.epochs, len(plan([(workload, specs)], seed=1))) for workload, specs in job.entries]

    assert all(small < whole for small, whole in zip(size(True), size(False), strict=True))


def test_a_quick_run_is_of_the_headline_and_parity_and_measures_no_settings(tmp_path):
    job = new_job(RunOptions(quick=True), tmp_path, [])
    assert [workload.name for workload, _ in job.entries] == ["moons", "parity"]
    assert not {"tune", "parts"} & {planned.kind for planned in plan(job.entries, seed=1)}
    named = new_job(RunOptions(workloads=["parity"], quick=True), tmp_path, [])
    assert "parts" in {planned.kind for planned in plan(named.entries, seed=1)}


def test_what_is_not_installed_is_left_out_and_named_with_its_command(tmp_path, without):
    without("torch")
    job = new_job(RunOptions(workloads=["moons"]), tmp_path, [])
    assert not {"torch", "keras-torch"} & set(names(job)["moons"])
    assert 'torch is left out: torch is missing, install it by  python -m pip install -e ".[torch]"' in job.run.notes
    assert {record.name for record in job.run.contestants if record.missing} >= {"torch", "keras-torch"}


def test_what_is_asked_for_and_not_installed_is_wrong_use(tmp_path, without):
    without("jax")
    with pytest.raises(ValueError, match=r"contestant 'jax' lacks jax: install it by  python -m pip install .*\[jax\]"):
        new_job(RunOptions(contestants=["numpy_nn", "jax"]), tmp_path, [])


def test_without_the_reference_there_is_no_parity_and_a_note_says_so(tmp_path):
    job = new_job(RunOptions(workloads=["moons", "parity"], contestants=["numpy_nn"]), tmp_path, [])
    assert list(names(job)) == ["moons"]
    assert "parity: no parity, since keras, which it is measured against, takes no part" in job.run.notes


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (RunOptions(threads=0), "--threads was 0: it may be 1 to "),
        (RunOptions(threads=10_000), "--threads was 10000: it may be 1 to "),
        (RunOptions(seeds=10_001), "--seeds was 10001: it may be 1 to 10,000"),
        (RunOptions(rounds=10**400), "--rounds was 10000000"),
        (RunOptions(workloads=["moon"]), "workload 'moon' is unknown"),
        (RunOptions(workloads=["moons", "moons"]), "workload 'moons' is named twice"),
        (RunOptions(contestants=["numpy"]), "contestant 'numpy' is unknown"),
        (RunOptions(contestants=["keras", "keras"]), "'keras' is named twice"),
        (RunOptions(contestants=[""]), "contestant '' is unknown"),
        (
            RunOptions(workloads=["moons"], contestants=["article"]),
            "contestant 'article' runs in article only, which isn't asked for",
        ),
        (RunOptions(workloads=["parity"], contestants=["numpy_nn"]), "there is nothing to measure: parity: no parity"),
    ],
)
def test_what_cannot_be_run_is_refused_in_one_line(tmp_path, order, message):
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        new_job(order, tmp_path, [])
    assert "\n" not in str(caught.value)


def test_a_resumed_run_has_the_same_plan_also_with_a_contestant_of_your_own(tmp_path):
    job = new_job(RunOptions(workloads=["moons"], contestants=["numpy_nn", TINY], seeds=2), tmp_path, [])
    stored = type(job.run).model_validate_json(job.run.model_dump_json())
    again = resumed_job(RunData(tmp_path, stored, []))

    def keys(a_job):
        return [trial.key for trial in plan(a_job.entries, seed=a_job.run.seed)]

    assert keys(again) == keys(job)
    assert [spec.target for _, specs in again.entries for spec in specs] == [
        spec.target for _, specs in job.entries for spec in specs
    ]
    assert again.run.notes[-1].startswith("resumed ")


def test_a_run_resumed_on_another_machine_says_so(tmp_path):
    job = new_job(RunOptions(workloads=["moons"], contestants=["numpy_nn"]), tmp_path, [])
    elsewhere = job.run.environment.model_copy(update={"cpu": "another", "blas": "another"})
    again = resumed_job(RunData(tmp_path, job.run.model_copy(update={"environment": elsewhere}), []))
    assert again.run.notes[-1].endswith("there is another cpu, another blas")


def test_a_run_whose_contestant_is_gone_cannot_be_resumed(tmp_path, without):
    job = new_job(RunOptions(workloads=["moons"], contestants=["numpy_nn", "sklearn"]), tmp_path, [])
    without("sklearn")
    with pytest.raises(ValueError, match="contestant 'sklearn' of this run lacks sklearn"):
        resumed_job(RunData(tmp_path, job.run, []))


def test_a_film_is_recorded_of_every_workload_but_grids_and_also_when_the_run_is_resumed(tmp_path):
    options = RunOptions(workloads=["moons", "scaling"], contestants=["numpy_nn"], film=True)
    frames = {workload["name"]: workload["film_frames"] for workload in new_job(options, tmp_path, []).run.workloads}
    assert frames == {"moons": 40, "scaling": 0}
    assert not any(workload["film_frames"] for workload in new_job(RunOptions(), tmp_path, []).run.workloads)
