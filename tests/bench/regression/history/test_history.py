import dataclasses
import itertools
import json
import multiprocessing
import random
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from synthetic import synthetic_run

from bench.analysis.summary import analyse
from bench.regression.certify.change_point_simulation import SERIES_NOISES, recovered_found, series_false_alarms
from bench.regression.history.change_points import FALSE_ALARM_RATE, MOST_POINTS, change_points, find_change_points, machine_changes
from bench.regression.history.history_report import MOST_DRAWN, MOST_PANELS, draw, markdown, plot
from bench.regression.history.tracked_runs import TrackedRun, add, commit_date, join, read_history, tracked

SERIES = "moons: step / keras"


def make_run(number, ratio=0.02, **machine):
    return TrackedRun(
        run_id=f"run-{number}",
        commit=f"{number:040x}",
        dirty=False,
        date=(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number)).isoformat(),
        quick=False,
        machine={"cpu": "fast", **machine},
        ratios={SERIES: ratio},
        seconds={"moons: step": 3e-5},
    )


def make_history(levels, seed=3, noise=0.01, **machine):
    generator = np.random.default_rng(seed)
    return [make_run(number, level * np.exp(noise * generator.standard_normal()), **machine) for number, level in enumerate(levels)]


@pytest.mark.parametrize("noise", SERIES_NOISES)
@pytest.mark.parametrize("points", [12, 40, MOST_POINTS])
def test_false_alarms_on_noise_keep_to_the_stated_rate(noise, points):
    alarms = series_false_alarms(noise, points, 400, np.random.default_rng(points))
    assert alarms <= 10  # of 400 at 1 % or less, more than 10 come up three times in a thousand
    assert FALSE_ALARM_RATE == 0.01


def test_nearly_every_slowdown_that_has_recovered_is_found():
    assert recovered_found(100, np.random.default_rng(0)) >= 90


@pytest.mark.parametrize(
    ("levels", "starts"),
    [
        ([1.0] * 6 + [1.1] * 6, [6]),
        ([1.0] * 30 + [1.05] * 20, [30]),
        ([1.0] * 20 + [1.05] * 10 + [1.0] * 20, [20, 30]),
        ([1.0] * 10 + [0.9] * 10 + [0.8] * 10, [10, 20]),
        ([1.0] * 5 + [2.0] * 6, []),
        ([1.0] * 14 + [1.3] * 3, [14]),
        ([1.3] * 3 + [1.0] * 14, [3]),
        ([1.0] * 14 + [1.3] * 6, [14]),
        ([1.0] * 14 + [1.3] * 8 + [1.0] * 3, [14]),
        ([1.0] * 50, []),
    ],
)
def test_change_points_are_found_also_after_a_recovery(levels, starts):
    assert change_points(np.log([run.ratios[SERIES] for run in make_history(levels)])) == starts


def test_a_constant_series_has_no_change_point():
    assert change_points([1.0] * 20) == []


def test_a_change_point_names_its_run_and_both_levels():
    (change,) = find_change_points(make_history([0.02] * 10 + [0.022] * 8))
    assert change.run.run_id == "run-10"
    assert change.slower
    assert change.before == pytest.approx(0.02, rel=0.02)
    assert change.after == pytest.approx(0.022, rel=0.02)


def test_another_machine_is_marked_and_not_taken_for_a_change_point():
    history = make_history([0.02] * 12) + [
        run.model_copy(update={"run_id": f"other-{number}"}) for number, run in enumerate(make_history([0.03] * 12, cpu="slow"))
    ]
    assert find_change_points(history) == []
    assert machine_changes(history) == [12]


def test_a_change_point_is_found_though_two_machines_alternate():
    fast, slow = make_history([0.02] * 12 + [0.022] * 12, seed=1), make_history([0.04] * 12 + [0.044] * 12, seed=2, cpu="slow")
    slow = [run.model_copy(update={"run_id": f"slow-{number}"}) for number, run in enumerate(slow)]
    history = [run for pair in zip(fast, slow, strict=True) for run in pair]
    assert [change.run.run_id for change in find_change_points(history)] == ["run-12", "slow-12"]


def test_a_run_becomes_a_line_with_ratios_of_the_run_beside_its_seconds(tmp_path):
    run = tracked(analyse(synthetic_run(tmp_path)))
    assert 1 < run.ratios["moons: step / floor"] < 3
    assert run.ratios["moons: step / keras"] < 0.1
    assert 1e-5 < run.seconds["moons: step"] < 1e-4
    assert TrackedRun.model_validate_json(run.model_dump_json()) == run


def test_a_run_is_added_once(tmp_path):
    path = tmp_path / "history.jsonl"
    assert add(path, make_run(1), [])
    assert not add(path, make_run(1), read_history(path)[0])
    assert add(path, make_run(2), read_history(path)[0])
    assert [run.run_id for run in read_history(path)[0]] == ["run-1", "run-2"]


def test_damaged_lines_are_named_kept_out_and_left_in_place(tmp_path):
    path = tmp_path / "history.jsonl"
    good = make_run(1).model_dump_json()
    before = f'{good}\n{good[:50]}\n\xff\n{{"schema_version": 1}}\n'.encode("latin-1") + good[:30].encode()
    path.write_bytes(before)
    runs, damaged = read_history(path)
    assert [run.run_id for run in runs] == ["run-1"]
    assert [line.split(":")[0] for line in damaged] == [f"history.jsonl, line {number}" for number in (2, 3, 4, 5)]
    assert "run_id" in damaged[2]
    add(path, make_run(2), runs)
    assert path.read_bytes().startswith(before + b"\n"), "nothing is rewritten, and a line that was cut short is not gone on with"
    assert [run.run_id for run in read_history(path)[0]] == ["run-1", "run-2"]


def add_many(path, worker):
    for number in range(20):
        add(path, make_run(1000 * worker + number, note="x" * 5000), [])


def test_lines_of_several_writers_do_not_mix(tmp_path):
    path = tmp_path / "history.jsonl"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=add_many, args=(path, worker)) for worker in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    runs, damaged = read_history(path)
    assert (len(runs), damaged) == (40, [])


def test_the_page_names_the_change_points_and_what_was_left_out():
    history = make_history([0.02] * 10 + [0.022] * 8)
    page = markdown(history, find_change_points(history), ["history.jsonl, line 3: broken"])
    assert page.startswith("## The speed of `numpy_nn` over 18 runs: 1 change point\n")
    assert "% slower" in page
    assert "set aside: history.jsonl, line 3: broken" in page


def test_a_short_history_says_that_it_is_and_shows_the_run_beside_those_before_it():
    history = make_history([0.02, 0.02, 0.026], noise=0)
    other = make_run(9, 0.5, cpu="slow")
    page = markdown([*history, other], [], [], history[2])
    assert page.startswith("## The speed of `numpy_nn` over 4 runs: too few to find a change point in\n")
    assert "| moons: step / keras | 0.026 | 2 | 0.02 | +30.0 % slower |" in page
    assert "%" not in markdown(history, [], [], history[0]).partition("- A change point")[0]
    again = history[1].model_copy(update={"run_id": "again", "date": "2026-02-01T00:00:00+00:00"})
    assert "| 0.02 | 1 | 0.02 | +0.0 %" in markdown(history[:2], [], [], again), "not beside itself"


def test_of_many_lines_that_are_set_aside_the_last_are_named():
    page = markdown([], [], [f"history.jsonl, line {number}: broken" for number in range(1, 31)])
    assert "line 30: broken" in page
    assert "line 20: broken" not in page
    assert "and 20 more before" in page


def test_the_plot_has_the_last_runs_and_no_wall_of_lines_where_machines_take_turns():
    runs = [make_run(number, cpu="slow" if number % 2 else "fast") for number in range(500)]
    panel = plot(runs, []).axes[0]
    assert len(panel.lines) == 2
    assert sum(len(line.get_xdata()) for line in panel.lines) == MOST_DRAWN
    assert len(plot(runs[:3], []).axes[0].lines) == 4


@pytest.mark.parametrize("length", [1, 20])
def test_the_plot_is_written_however_short_the_history(tmp_path, length):
    history = make_history([0.02] * length)
    draw(history, find_change_points(history), tmp_path / "history.jsonl")
    assert {path.name for path in tmp_path.iterdir()} == {"history.png", "history.svg"}


def test_names_from_elsewhere_are_no_formulas_and_no_markup(tmp_path):
    name = "a $x_{ <b>@all\x1b: step / keras"
    line = {**json.loads(make_run(1).model_dump_json()), "ratios": {name: 0.5}, "commit": "$\\frac{|<img>", "run_id": "odd"}
    runs = [*make_history([0.02] * 10 + [0.022] * 8), TrackedRun.model_validate(line)]
    change = find_change_points(runs)[0]
    found = [change, dataclasses.replace(change, series=next(iter(runs[-1].ratios)), run=runs[-1])]
    draw(runs, found, tmp_path / "history.jsonl")
    page = markdown(runs, found, ["history.jsonl, line 3: date is '<img>'"], runs[-1])
    assert not [text for text in ("<b>", "<img>", "\x1b", "@all") if text in page]


def test_a_plot_of_very_many_ratios_has_those_with_change_points(tmp_path):
    history = make_history([0.02] * 10 + [0.022] * 8)
    names = {f"w{number}: step / keras": 0.5 for number in range(400)}
    runs = [run.model_copy(update={"ratios": {**names, **run.ratios}}) for run in history]
    found = find_change_points(history)
    assert [panel.get_title() for panel in plot(runs, found).axes] == [SERIES, *list(names)[: MOST_PANELS - 1]]
    assert f"the plot has {MOST_PANELS} of 401 ratios" in markdown(runs, found, [])


def test_lines_are_plain_json_objects(tmp_path):
    add(tmp_path / "h.jsonl", make_run(1), [])
    assert json.loads((tmp_path / "h.jsonl").read_text())["ratios"] == {SERIES: 0.02}


def test_a_target_that_was_never_reached_is_left_out_and_the_line_can_be_read(tmp_path):
    analysis = analyse(synthetic_run(tmp_path))
    ours = analysis.times.contestant == "numpy_nn"
    analysis.times.loc[ours & (analysis.times.measure == "step"), "median"] = float("nan")
    run = tracked(analysis)
    assert "moons: step" not in run.seconds
    assert TrackedRun.model_validate_json(run.model_dump_json()) == run


def test_a_run_with_a_date_that_no_history_can_order_is_refused_in_a_line(tmp_path):
    data = synthetic_run(tmp_path)
    environment = data.run.environment.model_copy(update={"date": "2026-01-01T00:00:00"})
    data = dataclasses.replace(data, run=data.run.model_copy(update={"environment": environment}))
    with pytest.raises(ValueError, match=r"can't be tracked: date is '2026-01-01T00:00:00': must have a time zone$"):
        tracked(analyse(data))


def test_the_order_of_the_lines_and_doubled_lines_make_no_difference():
    history = make_history([0.02] * 10 + [0.022] * 8)
    again = [history[3].model_copy(update={"run_id": "again", "ratios": {SERIES: 0.5}, "date": "2027-01-01T00:00:00+00:00"})]
    lines = [*history, *again]
    expected = join(lines)
    assert len(expected) == 18
    assert expected[3].ratios[SERIES] == pytest.approx((history[3].ratios[SERIES] + 0.5) / 2)
    shuffled = random.Random(1).sample(lines, len(lines))
    for other in (lines[::-1], lines * 2, shuffled, list(itertools.chain(shuffled, lines))):
        assert join(other) == expected
        assert find_change_points(join(other)) == find_change_points(expected)


def test_runs_are_in_the_order_of_their_commits_not_of_their_measurement():
    late = make_run(1).model_copy(update={"commit_date": "2026-05-01T00:00:00+02:00"})
    early = make_run(2).model_copy(update={"commit_date": "2026-04-01T00:00:00+00:00"})
    assert join([late, early]) == [early, late]


@pytest.mark.parametrize("commit", ["--output={}", "HEAD --output={}", "c" * 40, "HEAD", ""])
def test_a_foreign_records_commit_gives_git_nothing_to_write(tmp_path, commit):
    (tmp_path / "mine.txt").write_text("mine")
    assert commit_date(commit.format(tmp_path / "mine.txt")) is None
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_a_commit_on_two_machines_or_with_uncommitted_changes_stays_two_runs():
    run = make_run(1)
    others = [
        run.model_copy(update={"run_id": "a", "machine": {"cpu": "slow"}}),
        run.model_copy(update={"run_id": "b", "machine": {**run.machine, "floor method": "2"}}),
        run.model_copy(update={"run_id": "c", "dirty": True}),
        run.model_copy(update={"run_id": "d", "dirty": True}),
    ]
    assert len(join([run, *others])) == 5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema_version": 99}, "another version"),
        ({"ratios": {SERIES: -1.0}}, "greater than"),
        ({"ratios": {SERIES: 1e308}}, "less than"),
        ({"date": "now"}, "date"),
    ],
)
def test_an_impossible_line_is_set_aside_by_its_number(tmp_path, change, said):
    path = tmp_path / "history.jsonl"
    path.write_text(
        make_run(1).model_dump_json() + "\n" + json.dumps({**json.loads(make_run(2).model_dump_json()), **change}) + "\n"
    )
    runs, set_aside = read_history(path)
    assert [run.run_id for run in runs] == ["run-1"]
    assert set_aside[0].startswith("history.jsonl, line 2: ")
    assert said in set_aside[0]
