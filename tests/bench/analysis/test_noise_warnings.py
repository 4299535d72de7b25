import re
from dataclasses import replace

import numpy as np
import pytest
from synthetic import Noise, change_trials, synthetic_run, update

from bench.analysis.noise_warnings import drift, noise_warnings, outlying, two_modes

QUIET = Noise(launch=0.005, round=0.005, trial=0.005, epoch=0.01)


@pytest.fixture(scope="module")
def quiet():
    return synthetic_run(noise=QUIET)


def with_load(data, **load):
    return change_trials(data, lambda trial: trial.model_copy(update={"load": trial.load | load}), kind="timed", round=1)


def slowed(data, factor, **selected):
    def change(trial):
        return trial.model_copy(update={"epoch_seconds": [factor(trial) * seconds for seconds in trial.epoch_seconds]})

    return change_trials(data, change, kind="timed", status="ok", **selected)


def test_a_quiet_run_is_free_of_warnings(quiet):
    moons = change_trials(quiet, lambda trial: None, workload="scaling")

    assert noise_warnings(moons) == []


def test_a_disturbed_round_is_named_with_how_far_it_is_off(quiet):
    (warning,) = noise_warnings(slowed(quiet, lambda trial: 1.5, workload="moons", contestant="numpy_nn", round=3))

    assert "Round 3 of `moons` is an outlier for `numpy_nn`" in warning
    assert re.search(r"its step took 1\.(4|5)\d* times the median", warning)


def test_drift_over_the_run_is_named_for_those_it_was_seen_in(quiet):
    drifting = slowed(quiet, lambda trial: 1.03**trial.round, workload="moons")
    (warning,) = noise_warnings(drifting)

    assert "drifted" in warning
    assert "`numpy_nn` +1" in warning


def test_two_modes_are_named(quiet):
    def change(trial):
        seconds = [value * (1.5 if epoch % 3 == 1 else 1.0) for epoch, value in enumerate(trial.epoch_seconds)]
        return trial.model_copy(update={"epoch_seconds": seconds})

    (warning,) = noise_warnings(change_trials(quiet, change, workload="moons", contestant="jax", kind="timed"))

    assert "`jax` has two speeds in `moons`" in warning


@pytest.mark.parametrize(
    ("load", "words"),
    [
        ({"other_cpu_share": 0.4}, "other processes took more than 5 % of the CPU, at most 40 %"),
        ({"steal_share": 0.05}, "the hypervisor took more than 1 %"),
        ({"frequency_mhz": 2000.0}, "between 2000 and 2800 MHz"),
    ],
)
def test_what_took_the_machine_away_is_named(quiet, load, words):
    (warning,) = noise_warnings(with_load(quiet, **load))

    assert words in warning


def test_a_machine_that_was_busy_before_is_named(quiet):
    busy = quiet.run.model_copy(update={"environment": quiet.run.environment.model_copy(update={"load_1min": 3.0})})

    assert "load of 3.0 on 2 cores" in noise_warnings(replace(quiet, run=busy))[0]


def test_a_clock_too_coarse_for_an_epoch_is_named(quiet):
    coarse = quiet.run.model_copy(
        update={"environment": quiet.run.environment.model_copy(update={"clock_resolution_seconds": 1e-3})}
    )

    assert "resolution" in noise_warnings(replace(quiet, run=coarse))[0]


def test_one_launch_is_named_since_its_intervals_lack_what_differs_between_processes():
    one = synthetic_run(noise=QUIET, launches=1)

    assert "`moons` was timed in one launch only" in noise_warnings(one)[0]


def test_every_warning_says_what_to_do(quiet):
    noisy = with_load(slowed(quiet, lambda trial: 1.5, workload="moons", contestant="numpy_nn", round=3), steal_share=0.5)

    assert all("measure" in warning for warning in noise_warnings(noisy))


def test_four_figures_are_too_few_for_an_outlier():
    assert outlying([1.0, 1.0, 1.0, 9.0]) == []
    assert outlying([1.0, 1.0, 1.0, 1.0, 9.0]) == [4]


def test_drift_is_the_change_from_the_first_round_to_the_last():
    assert drift(1.02 ** np.arange(11)) == pytest.approx(1.02**10 - 1)
    assert drift([1.0] * 11) is None


@pytest.mark.parametrize("check", [drift, two_modes])
@pytest.mark.parametrize("shape", ["normal", "t", "exponential", "uniform"])
def test_noise_alone_is_seldom_taken_for_drift_or_for_two_modes(check, shape):
    rng = np.random.default_rng(1)
    draw = {
        "normal": rng.standard_normal,
        "t": lambda size: rng.standard_t(3, size),
        "exponential": rng.standard_exponential,
        "uniform": lambda size: rng.random(size) * 3,
    }[shape]
    found = sum(check(np.exp(0.1 * draw(60))) is not None for _ in range(300))

    assert found <= 6


def test_two_modes_that_lie_apart_are_found_wherever_they_lie():
    rng = np.random.default_rng(2)
    fast, slow = np.exp(rng.normal(0, 0.01, 70)), 1.2 * np.exp(rng.normal(0, 0.01, 30))

    assert two_modes(rng.permutation([*fast, *slow])) == pytest.approx((1.0, 1.2), rel=0.01)
    assert two_modes([*fast, *(1.02 * fast)]) is None
    assert two_modes(np.concatenate([fast, [2.0]])) is None


def test_a_trial_that_failed_warns_of_nothing(quiet):
    failed = change_trials(with_load(quiet, steal_share=0.5), update(status="failed", error="gone"), kind="timed", round=1)

    assert not any("hypervisor" in warning for warning in noise_warnings(failed))
