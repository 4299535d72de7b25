import math
import re
from dataclasses import replace

import numpy as np
import pytest
from harness import FakeLaunch, fake_machine, small_split

from bench.execution.turn_rounds import ENOUGH_TURNS
from bench.execution.worker_process import Outcome
from bench.selfcheck import doctor

QUIET = {"other_cpu_share": 0.0, "steal_share": 0.0, "frequency_mhz": 3000.0}


def simulated(repeats, launches, *, count=200, trials=60, load=QUIET, seed=0, disturbed=0.0):
    random = np.random.default_rng(seed)
    means = random.normal(0, launches, size=(count, 1))
    seconds = 40e-6 * np.exp(means + random.normal(0, repeats, size=(count, trials)))
    reasons = ["canary"] * round(100 * disturbed) + [None] * round(100 * (1 - disturbed))
    return doctor.Measured(1e-8, seconds.tolist(), [load] * count, 2.5, reasons)


@pytest.mark.parametrize(("repeats", "launches"), [(0.02, 0.01), (0.01, 0.03), (0.03, 0.0)])
def test_noise_on_both_levels_is_found_again(repeats, launches):
    found = doctor.noise(simulated(repeats, launches).step_seconds)
    assert found.repeats == pytest.approx(repeats, rel=0.1)
    assert found.launches == pytest.approx(launches, rel=0.15, abs=0.0015)


def test_the_slowdown_said_to_be_seen_is_seen_in_four_of_five_comparisons():
    noise, trials, launches = doctor.Noise(0.02, 0.01), 20, 10
    slowdown = doctor.slowdown_seen(noise, trials=trials, launches=launches)
    random = np.random.default_rng(1)

    def side(shift, count=4000):
        means = random.normal(shift, noise.launches, size=(count, launches))
        return (means + random.normal(0, noise.repeats / math.sqrt(trials), size=means.shape)).mean(axis=1)

    error = math.sqrt(2 * (noise.launches**2 + noise.repeats**2 / trials) / launches)
    assert np.mean((side(math.log1p(slowdown)) - side(0.0)) / error > 1.96) == pytest.approx(0.8, abs=0.02)


def test_more_time_shows_smaller_slowdowns():
    text = doctor.findings(simulated(0.02, 0.01))
    seen = [float(share) for line in text if line.startswith("slowdowns seen") for share in re.findall(r"([\d.]+) % in", line)]
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == len(doctor.BUDGETS_SECONDS)


def test_a_quiet_machine_gets_no_warning():
    assert doctor.warnings(simulated(0.01, 0.005)) == []


@pytest.mark.parametrize(
    ("measured", "said"),
    [
        (simulated(0.2, 0.0), "repeats in one process differ by"),
        (simulated(0.01, 0.1), "measure more launches"),
        (simulated(0.01, 0.0, load={**QUIET, "other_cpu_share": 0.4}), "other processes took 40 % of the CPU"),
        (simulated(0.01, 0.0, load={**QUIET, "steal_share": 0.05}), "the hypervisor gave 5.0 %"),
        (doctor.Measured(1e-4, simulated(0.01, 0.0).step_seconds, [QUIET], 2.5, []), "the clock tells 100.0 µs apart"),
        (
            doctor.Measured(1e-8, simulated(0.01, 0.0).step_seconds, [QUIET, {"frequency_mhz": 2000.0}], 2.5, []),
            "frequency changed by 50 %",
        ),
        (simulated(0.01, 0.0, disturbed=0.8), "80 % of the turns were disturbed"),
    ],
)
def test_each_disturbance_has_a_warning_of_its_own(measured, said):
    assert [said in warning for warning in doctor.warnings(measured)] == [True]


def test_the_conclusion_is_one_sentence_with_the_precision_of_a_run():
    of_keras, of_tuned = doctor.precision_reached(simulated(0.01, 0.005)).values()
    said = doctor.conclusion(simulated(0.01, 0.005))
    assert said.startswith("This machine is quiet enough: a run of 6 min will know numpy_nn's ratio to keras to about ±")
    assert f"keras-tuned to about ±{100 * of_tuned.half_width:.1f} %, from {of_tuned.launches} launches." in said
    assert of_keras.launches < of_tuned.launches, "launches go where they are needed"
    assert "NOT quiet enough (1 warning below)" in doctor.conclusion(simulated(0.01, 0.1))


@pytest.mark.parametrize(
    ("seen", "of_keras", "of_tuned"),
    [(simulated(0.01, 0.003), 0.028, 0.042), (replace(simulated(0.01, 0.003, disturbed=1.0), slowness=1.02), 0.029, 0.063)],
    ids=["a quiet run", "half a core taken"],
)
def test_what_a_run_will_reach_is_what_recorded_runs_of_two_cores_did_within_a_factor_of_one_and_a_half(
    monkeypatch, seen, of_keras, of_tuned
):
    monkeypatch.setattr("bench.execution.environment.cores", lambda: 2)
    reached = doctor.precision_reached(seen)
    assert of_keras / 1.5 < reached["keras"].half_width < 1.5 * of_keras
    assert of_tuned / 1.5 < reached["keras-tuned"].half_width < 1.5 * of_tuned


def test_a_disturbed_or_slow_machine_is_promised_less(monkeypatch):
    monkeypatch.setattr(doctor, "RUN_SECONDS", 600)
    quiet = doctor.precision_reached(simulated(0.01, 0.002))["keras-tuned"]
    disturbed = doctor.precision_reached(simulated(0.01, 0.002, disturbed=1.0))["keras-tuned"]
    slow = doctor.precision_reached(replace(simulated(0.01, 0.002), slowness=1.5))["keras-tuned"]
    assert quiet.half_width < min(disturbed.half_width, slow.half_width)
    assert max(disturbed.launches, slow.launches) < quiet.launches


def test_the_machine_is_examined_by_turns_in_fresh_processes(monkeypatch):
    monkeypatch.setattr("bench.execution.request_builder.make_split", small_split)
    launch = FakeLaunch(outcome=lambda request: Outcome("ok", figures={"steps_an_epoch": 5}))
    said = []
    measured = doctor.examine(fake_machine(launch), said.append)
    assert len(launch.launched) == doctor.LAUNCHES
    assert [f"process {number} of 6" in text for number, text in enumerate(said)] == [False] + [True] * 6
    assert launch.alive == set()
    assert list(measured.step_seconds[0]) == pytest.approx([0.01] * ENOUGH_TURNS)
    assert set(measured.disturbed) == {None}


def test_a_machine_that_cannot_train_is_not_called_quiet(monkeypatch):
    monkeypatch.setattr("bench.execution.request_builder.make_split", small_split)
    launch = FakeLaunch(outcome=lambda request: Outcome("failed", error="RuntimeError: no"))
    with pytest.raises(doctor.DoctorError, match="numpy_nn could not be trained: RuntimeError: no"):
        doctor.examine(fake_machine(launch))
    assert launch.alive == set()
