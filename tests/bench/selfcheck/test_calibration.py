import itertools
import json

import pytest
from harness import FakeClock, FakeLaunch, fake_machine, small_split

from bench.execution.worker_process import Outcome
from bench.selfcheck.calibration import LAUNCHES, MEASURES, ROUNDS, Calibration, CalibrationError, calibrate, page, write


@pytest.fixture(autouse=True)
def _light_data(monkeypatch):
    """Data and simulations that take no time; `test_statistics` has the real simulations."""
    monkeypatch.setattr("bench.execution.request_builder.make_split", small_split)
    monkeypatch.setattr("bench.selfcheck.coverage.REPEATS", 20)
    monkeypatch.setattr("bench.selfcheck.calibration.stopped_coverage", lambda shape, sigma: 0.95)


EPOCH_SECONDS = 0.05
"""As in the turns of `FakeLaunch`."""


def noisy(factor=1.0):
    """Outcomes whose steps differ from trial to trial; every second worker's by `factor` too."""
    noise = itertools.cycle([1.0, 1.03, 0.98, 1.01, 0.97])

    def outcome(request):
        step = EPOCH_SECONDS * next(noise) * (factor if request.spawned_at else 1.0)
        return Outcome("ok", figures={"steps": 3, "fit_seconds": 3 * step, "epoch_seconds": [step] * 3, "cold_start_seconds": step})

    return outcome


def test_every_run_is_a_real_one_in_launches_and_rounds_and_gives_one_ratio_of_each_measure():
    launch = FakeLaunch(outcome=noisy())
    found = calibrate(3, clock=FakeClock(), machine=lambda _: fake_machine(launch))
    timed = [ran for ran in launch.ran if ran[1] == "timed"]
    assert len(timed) == 3 * 2 * ROUNDS
    assert len({number for *_, number in timed}) == LAUNCHES
    assert {len(found.ratios[measure]) for measure in MEASURES} == {3}


def test_the_share_counts_the_intervals_that_hold_1_and_has_its_exact_interval():
    found = calibrate(1, clock=FakeClock(), machine=lambda _: fake_machine(FakeLaunch(outcome=noisy())))
    found.ratios["step"] = [(1.0, 0.9, 1.1)] * 95 + [(1.2, 1.1, 1.3)] * 5
    assert found.share("step") == pytest.approx((0.95, 0.8872, 0.9836), abs=1e-4)
    assert found.good
    found.ratios["step"][:3] = [(0.8, 0.7, 0.9)] * 3
    assert not found.good


def test_figures_and_page_are_written_with_every_ratio(tmp_path):
    found = calibrate(2, clock=FakeClock(), machine=lambda _: fake_machine(FakeLaunch(outcome=noisy())))
    write(found, tmp_path / "out")
    record = json.loads((tmp_path / "out" / "calibration.json").read_text())
    assert record["measures"]["step"]["ratios"] == [list(ratio) for ratio in found.ratios["step"]]
    assert (tmp_path / "out" / "calibration.md").read_text() == page(found)
    assert "| step | " in page(found)


def test_a_run_that_no_ratio_came_from_leaves_the_share_open(tmp_path):
    found = Calibration({"cpu": "a processor", "cores": 1, "date": "2026-01-01"})
    assert found.good is None
    write(found, tmp_path)
    assert json.loads((tmp_path / "calibration.json").read_text())["measures"]["step"]["share"] is None
    assert "| step | 0 of 0 |" in page(found)


def test_a_trial_that_fails_ends_it():
    failing = FakeLaunch(outcome=lambda _: Outcome("failed", error="no"))
    with pytest.raises(CalibrationError, match="could not be trained: no"):
        calibrate(1, clock=FakeClock(), machine=lambda _: fake_machine(failing))


def test_ctrl_c_ends_all_of_it_and_not_the_short_run_alone():
    def interrupt(_request):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        calibrate(3, clock=FakeClock(), machine=lambda _: fake_machine(FakeLaunch(outcome=interrupt)))
