import io
import sys
from collections import Counter
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from report_frames import time_row

from bench.report import style
from bench.report.plots import bars, dots, history, scaling, surfaces, training
from bench.report.plots.dots import STEP, TARGET, DotRow
from bench.report.plots.labels import Curve, label_curves, label_ends

MOONS = pd.DataFrame(
    [
        time_row("numpy_nn", "step", 31e-6, low=30e-6, high=33e-6),
        time_row("keras", "step", 2.7e-3, low=2.6e-3, high=2.9e-3),
        time_row("keras", "cold start", 5.0),
    ]
)


def draw(figure):
    """Draw it for good, so that every label is laid out."""
    assert isinstance(figure, Figure)
    figure.savefig(io.BytesIO(), format="svg")
    return figure


def words(axes):
    return [text.get_text().replace("\u200e", "") for text in axes.texts]


def curve(contestant, values, seed=0):
    return [
        {"contestant": contestant, "seed": seed, "epoch": e, "loss": v, "accuracy": v, "val_loss": np.nan, "val_accuracy": np.nan}
        for e, v in enumerate(values)
    ]


def boxes(axes):
    """Where the texts in the panel are, each with whether it lies within the figure."""
    frame = axes.figure.bbox
    found = [text.get_window_extent() for text in axes.texts]
    return found, all(frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1 for box in found)


def overlaps(found):
    return [(i, j) for (i, one), (j, other) in combinations(enumerate(found), 2) if one.overlaps(other)]


def dot_rows(names, values=(1e-3, 1.1e-3, 1.2e-3)):
    return [
        DotRow(name, measure, [v * 1.3**place for v in values], 1.1e-3 * 1.3**place, 1e-3 * 1.3**place, 1.2e-3 * 1.3**place)
        for place, name in enumerate(names)
        for measure in (STEP, TARGET)
    ]


def time_dots(times, second=None):
    """The dot plot of the steps in `times`, and of the measure `second` in the place of the time to the target."""
    measures = {"step": STEP, second: TARGET}
    columns = ("contestant", "measure", "median", "low", "high")
    figures = [row for row in zip(*(times[column] for column in columns), strict=True) if row[1] in measures]
    return dots.step_and_target([DotRow(name, measures[measure], (), *ends) for name, measure, *ends in figures])


def test_drawing_leaves_no_figure_open_and_needs_no_pyplot():
    draw(time_dots(MOONS))
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


def test_time_dots_have_the_first_on_top_with_names_and_figures_beside_them():
    axes = draw(time_dots(MOONS, "cold start")).axes
    assert axes[0].yaxis_inverted()
    assert words(axes[0]) == ["numpy_nn 31.0 µs", "keras 2.70 ms"]
    assert axes[0].get_xscale() == "log"


def test_a_measure_that_one_contestant_lacks_says_so_in_its_place():
    axes = draw(time_dots(MOONS, "cold start")).axes
    assert words(axes[1]) == ["numpy_nn: not measured", "keras 5.00 s"]


def test_a_measure_that_nobody_has_gets_no_panel():
    assert len(draw(time_dots(MOONS, "fit")).axes) == 1


def test_lines_go_from_end_to_end_of_the_interval():
    (axes,) = draw(time_dots(MOONS)).axes
    segments = [segment[:, 0] for lines in axes.collections if hasattr(lines, "get_segments") for segment in lines.get_segments()]
    np.testing.assert_allclose(segments, [[30e-6, 33e-6], [2.6e-3, 2.9e-3]])


def test_ticks_of_a_time_axis_are_times():
    (axes,) = draw(time_dots(MOONS)).axes
    assert {"100 µs", "1 ms"} <= {label.get_text() for label in axes.get_xticklabels()}


@pytest.mark.parametrize("narrow", [False, True])
def test_every_trial_is_a_dot_in_its_contestants_colour(narrow):
    step, target = draw(dots.step_and_target(dot_rows(["numpy_nn", "keras"]), narrow=narrow)).axes
    for axes in (step, target):
        clouds = [cloud for cloud in axes.collections if isinstance(cloud, PathCollection)]
        assert [sorted(cloud.get_offsets()[:, 0]) for cloud in clouds] == [
            pytest.approx([1e-3, 1.1e-3, 1.2e-3]),
            pytest.approx([1.3e-3, 1.43e-3, 1.56e-3]),
        ]
        assert [to_hex(cloud.get_facecolor()[0]) for cloud in clouds] == [style.colour("numpy_nn"), style.colour("keras")]


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("names", [list(style.LOOKS), ["a" * 180, "b"], [f"contestant-{n}" for n in range(60)]], ids=len)
def test_names_beside_the_dots_overlap_nothing_and_stay_in_the_figure(names, narrow):
    figure = draw(dots.step_and_target(dot_rows(names), narrow=narrow))
    for axes in figure.axes:
        found, inside = boxes(axes)
        assert inside
        assert overlaps(found) == []
        ticks = [label.get_window_extent() for label in axes.get_xticklabels() if label.get_text()]
        assert overlaps(ticks) == []
        panel = axes.get_window_extent()
        assert all(panel.x0 - 4 <= box.x0 and box.x1 <= panel.x1 + 4 for box in found)


def test_a_contestant_that_never_reached_the_target_says_so_and_one_without_figures_wasnt_measured():
    rows = [*dot_rows(["numpy_nn"]), DotRow("keras", TARGET, [], np.nan, np.nan, np.nan)]
    step, target = draw(dots.step_and_target(rows)).axes
    assert words(step) == ["numpy_nn 1.10 ms", "keras: not measured"]
    assert words(target) == ["numpy_nn 1.10 ms", "keras: not reached"]


def test_a_dot_plot_of_nothing_is_an_empty_panel():
    (axes,) = draw(dots.step_and_target([])).axes
    assert (words(axes), len(axes.collections), len(axes.lines)) == ([], 0, 0)


def dots_of(axes):
    """The number of filled and of hollow dots in each row."""
    filled, hollow = Counter(), Counter()
    for marks in axes.collections:
        if isinstance(marks, PathCollection):
            (hollow if marks.get_facecolor().size == 0 else filled).update(round(y) for _, y in marks.get_offsets())
    return filled, hollow


def test_every_turn_is_a_dot_in_its_row_and_one_that_was_disturbed_is_hollow():
    rows = [
        DotRow("numpy_nn", STEP, list(np.linspace(1e-5, 1.1e-5, 40)), 1e-5, 0.9e-5, 1.1e-5, [1.4e-5] * 7),
        DotRow("keras", STEP, [2e-3, np.nan, -1.0], 2e-3, np.nan, np.nan),
        DotRow("jax", STEP, [], 1e-4, np.nan, np.nan),
    ]
    (axes,) = draw(dots.step_and_target(rows)).axes
    filled, hollow = dots_of(axes)
    assert filled == {0: 40, 1: 1, 2: 1}, "the estimate itself where there is no value"
    assert hollow == {0: 7}


def test_of_more_dots_than_fit_the_least_and_the_greatest_are_drawn():
    values = np.geomspace(1e-5, 1e-4, 5000)
    (axes,) = draw(dots.step_and_target([DotRow("numpy_nn", STEP, list(values), 2e-5, 1e-5, 3e-5)])).axes
    drawn = np.concatenate([marks.get_offsets()[:, 0] for marks in axes.collections if isinstance(marks, PathCollection)])
    assert len(drawn) == dots.MOST_DOTS
    assert (drawn.min(), drawn.max()) == pytest.approx((values.min(), values.max()))


def test_times_that_hardly_differ_have_ticks():
    rows = [time_row("numpy_nn", "step", 2.1e-3), time_row("keras", "step", 2.7e-3)]
    (axes,) = draw(time_dots(pd.DataFrame(rows))).axes
    assert sum(bool(label.get_text()) for label in axes.get_xticklabels()) >= 2


def test_labels_beside_curves_overlap_neither_one_another_nor_the_end_of_the_panel():
    figure = style.new_figure(3.0)
    axes = figure.add_subplot()
    curves = [
        Curve(f"curve-{n}", np.linspace(0, 1, 50), np.sqrt(np.linspace(0, 1, 50)) + 0.05 * n, "#123456", "o") for n in range(6)
    ]
    for curve in curves:
        axes.plot(curve.x, curve.y)
    label_curves(axes, curves)
    draw(figure)
    found, inside = boxes(axes)
    assert (len(found), inside, overlaps(found)) == (6, True, [])


def test_labels_at_the_ends_keep_the_order_of_the_ends_and_lie_apart():
    figure = style.new_figure(3.0)
    axes = figure.add_subplot()
    axes.set(xlim=(0, 2), ylim=(0, 1))
    ends = [0.5, 0.52, 0.51, 0.99, 0.0]
    label_ends(axes, [Curve(f"to {y}", np.array([0.0, 1.0, 1.5]), np.array([0.0, y, np.nan]), "#123456", "o") for y in ends])
    draw(figure)
    found, inside = boxes(axes)
    assert (inside, overlaps(found)) == (True, [])
    assert [text.get_text() for text in sorted(axes.texts, key=lambda text: text.xy[1])] == [f"to {y}" for y in sorted(ends)]


def test_a_parity_of_exactly_zero_is_drawn_on_the_line_marked_0():
    rows = [
        {"contestant": "numpy_nn", "epoch": e, "loss": v, "accuracy": 0.0, "weights": 2e-16} for e, v in enumerate([0.0, 1.1e-16])
    ]
    loss, _ = draw(training.parity_curves(pd.DataFrame(rows))).axes
    zero, tiny = loss.lines[0].get_ydata()
    place = {label.get_text(): tick for label, tick in zip(loss.get_yticklabels(), loss.get_yticks(), strict=True)}
    assert zero == place["0"] < tiny == 1.1e-16


def test_a_parity_that_is_zero_everywhere_lies_on_the_line_marked_0():
    rows = [{"contestant": "numpy_nn", "epoch": e, "loss": 0.0, "accuracy": 0.0, "weights": 0.0} for e in range(3)]
    loss, weights = draw(training.parity_curves(pd.DataFrame(rows))).axes
    place = {label.get_text(): tick for label, tick in zip(loss.get_yticklabels(), loss.get_yticks(), strict=True)}
    for axes in (loss, weights):
        (curve,) = [line for line in axes.lines if len(line.get_xdata()) == 3]
        assert set(curve.get_ydata()) == {place["0"]}


def test_many_epochs_of_parity_keep_the_largest_difference():
    rows = [{"contestant": "numpy_nn", "epoch": e, "loss": 1e-16, "weights": 1e-15 if e == 777 else 1e-16} for e in range(5000)]
    _, weights = draw(training.parity_curves(pd.DataFrame(rows))).axes
    x, y = weights.lines[0].get_data()
    assert len(x) <= 50
    assert x[y.argmax()] == 778


def test_curves_that_coincide_share_one_line_with_all_their_names():
    frame = pd.DataFrame(curve("numpy_nn", [0.7, 0.3]) + curve("keras", [0.7, 0.3001]) + curve("jax", [0.7, 0.5]))
    assert training.coinciding(frame) == [["numpy_nn", "keras"], ["jax"]]
    assert words(draw(training.training_curves(frame, {})).axes[0]) == ["numpy_nn\nkeras", "jax"]


def test_curves_with_a_loss_that_diverges_are_drawn_up_to_there():
    frame = pd.DataFrame(curve("numpy_nn", [0.7, 0.3, 0.2]) + curve("keras", [0.7, np.inf, np.nan]) + curve("jax", [np.nan] * 3))
    assert len(training.coinciding(frame)) == 3
    loss = draw(training.training_curves(frame, {})).axes[0]
    drawn = sorted(int(np.isfinite(np.asarray(line.get_ydata(), float)).sum()) for line in loss.lines)
    assert drawn[-2:] == [1, 3]


def test_training_curves_leave_out_the_panel_that_nobody_has_figures_for():
    assert len(draw(training.training_curves(pd.DataFrame(curve("numpy_nn", [0.7, 0.3])), {})).axes) == 2


def test_two_kinds_of_training_share_an_axis_of_updates():
    frame = pd.DataFrame(curve("numpy_nn", np.linspace(0.7, 0.1, 10)) + curve("keras", np.linspace(0.7, 0.3, 10)))
    axes = draw(training.training_curves(frame, {"numpy_nn": 1, "keras": 29})).axes[0]
    assert axes.get_xlabel() == "updates"
    assert [line.get_xdata()[-1] for line in axes.lines[:2]] == [10, 290]


def test_lengths_far_apart_share_a_logarithmic_axis():
    frame = pd.DataFrame(curve("article", np.linspace(0.7, 0.1, 100)) + curve("keras", [0.7, 0.3]))
    assert draw(training.training_curves(frame, {})).axes[0].get_xscale() == "log"


def test_a_difference_of_one_bit_can_be_seen_under_the_losses():
    above, below = draw(training.loss_difference({"numpy_nn": [0.7, 0.5 + 2**-53], "keras": [0.7, 0.5]})).axes
    assert len(above.lines) >= 2
    assert below.get_ylim()[1] < 2 * 2**-53
    assert list(below.lines[1].get_ydata()) == [0.0, 2**-53]
    assert "numpy_nn − keras: at most 1.1e-16" in below.get_title(loc="left")


@pytest.mark.parametrize(("own", "words"), [([0.7, 0.5], "in every epoch"), ([0.7, np.nan], "wherever both are finite")])
def test_losses_without_a_difference_say_so(own, words):
    _, below = draw(training.loss_difference({"numpy_nn": own, "keras": [0.7, 0.5]})).axes
    assert words in below.get_title(loc="left")


def test_a_long_curve_is_thinned_and_keeps_its_extremes():
    x, y = np.arange(1.0, 10_001), np.zeros(10_000)
    y[[0, 1234, 5678, -1]] = (1, 9, -9, 2)
    fewer, values = training.thinned(x, y)
    assert len(fewer) < 4000
    assert {(1.0, 1.0), (1235.0, 9.0), (5679.0, -9.0), (10_000.0, 2.0)} <= set(zip(fewer, values, strict=True))
    assert len(training.thinned(x[:500], y[:500])[0]) == 500


def test_accuracy_against_time_names_every_contestant_beside_its_curve():
    rows = [
        {"contestant": name, "seconds": (e + 1) * start, "accuracy": 0.5 + e / 20, "least": 0.4 + e / 20, "most": 0.5 + e / 20}
        for name, start in (("numpy_nn", 0.1), ("keras", 5.0), ("jax", 1.0), ("torch", 1.1))
        for e in range(10)
    ]
    (axes,) = draw(training.accuracy_against_time(pd.DataFrame(rows))).axes
    found, inside = boxes(axes)
    assert (sorted(words(axes)), inside, overlaps(found)) == (["jax", "keras", "numpy_nn", "torch"], True, [])


def tracked_runs(machines, revision="no commit"):
    rows = [(f"run {n}", revision, machine, "keras", 100.0 + n) for n, machine in enumerate(machines)]
    return history.speed_history(pd.DataFrame(rows, columns=list(history.COLUMNS)))


def test_the_history_joins_no_runs_of_different_machines_and_each_run_has_its_place():
    (axes,) = draw(tracked_runs("aaabb")).axes
    assert [list(line.get_xdata()) for line in axes.lines[:2]] == [[0, 1, 2], [3, 4]]
    assert [line.get_linestyle() for line in axes.lines].count(":") == 1


def test_a_long_history_is_its_last_runs_without_a_wall_of_lines():
    (axes,) = draw(tracked_runs("ab" * 500)).axes
    assert [len(line.get_xdata()) for line in axes.lines[:2]] == [history.MOST_RUNS // 2] * 2
    assert ":" not in [line.get_linestyle() for line in axes.lines]


def test_bars_of_memory_begin_at_zero():
    rows = [{"contestant": name, "peak_memory_bytes": peak} for name, peak in (("keras", 9e8), ("$x^2$", 4e7))]
    (axes,) = draw(bars.memory_bars(pd.DataFrame(rows))).axes
    assert axes.get_xscale() == "linear"
    assert axes.get_xlim()[0] == 0
    assert words(axes) == ["40.0 MB", "900 MB"]


def test_the_map_writes_the_runner_ups_ratio_into_the_winners_colour_and_ours_where_we_are_neither():
    cells = pd.DataFrame(
        [
            {"width": 8, "winner": "numpy_nn", "runner_up_ratio": 1.42, "ours_ratio": 1.0},
            {"width": 64, "winner": "jax", "runner_up_ratio": np.nan, "ours_ratio": np.nan},
            {"width": 128, "winner": "jax", "runner_up_ratio": 1.1, "ours_ratio": 1.1},
            {"width": 256, "winner": "jax", "runner_up_ratio": 1.1, "ours_ratio": 1.9},
        ]
    ).assign(batch=1, layers=2, threads=1)
    figure = draw(scaling.scaling_map(cells))
    (axes,) = figure.axes
    assert words(axes) == ["numpy_nn\n1.42 ×", "jax", "jax\n1.10 ×", "jax\n1.10 ×\n(1.90 ×)"]
    assert [patch.get_facecolor()[:3] for patch in axes.patches] == [
        tuple(int(style.colour(name)[i : i + 2], 16) / 255 for i in (1, 3, 5)) for name in ("numpy_nn", "jax", "jax", "jax")
    ]
    assert not figure.legends


def test_the_map_marks_a_near_tie_and_leaves_white_what_wasnt_measured():
    cells = pd.DataFrame(
        [
            {"width": 8, "batch": 1, "winner": "numpy_nn", "runner_up_ratio": 1.02, "ours_ratio": 1.0},
            {"width": 64, "batch": 32, "winner": None, "runner_up_ratio": np.nan, "ours_ratio": np.nan},
        ]
    ).assign(layers=2, threads=1)
    (axes,) = draw(scaling.scaling_map(cells)).axes
    assert words(axes) == ["numpy_nn\n≈ 1.02 ×"]
    assert [patch.get_fill() for patch in axes.patches] == [True, False]


def test_no_line_crosses_a_size_that_wasnt_measured():
    rows = [
        {"width": w, "batch": 1, "contestant": name, "step_seconds": np.nan if (name, w) == ("jax", 64) else 1e-6 * w}
        for name in ("numpy_nn", "jax")
        for w in (8, 64, 512)
    ]
    (axes,) = draw(scaling.scaling_curves(pd.DataFrame(rows))).axes
    assert np.isnan(axes.lines[1].get_ydata()).tolist() == [False, True, False]


def test_scaling_curves_show_the_smallest_and_the_largest_of_many_batches():
    rows = [{"width": w, "batch": b, "contestant": "numpy_nn", "step_seconds": 1e-6 * w * b} for w in (8, 64) for b in range(1, 10)]
    titles = [axes.get_title(loc="left") for axes in draw(scaling.scaling_curves(pd.DataFrame(rows))).axes]
    assert (titles[0], titles[-1], len(titles)) == ("batch 1", "batch 9", 4)


@pytest.mark.parametrize("flat", [False, True], ids=["with a boundary", "without one"])
def test_decision_surfaces_stand_side_by_side_with_the_test_points_on_top(flat):
    split = surfaces.Points(x=np.zeros((4, 2)), y=np.array([[0.0], [1.0]] * 2), x_test=np.eye(2), y_test=np.array([[0.0], [1.0]]))
    axis = np.linspace(-1, 1, 5)
    z = np.full((5, 5), 0.9) if flat else np.linspace(0, 1, 25).reshape(5, 5)
    figure = draw(surfaces.decision_surfaces({name: surfaces.Surface(axis, axis, z) for name in ("numpy_nn", "keras")}, split))
    left, right, difference, *_ = figure.axes
    assert [axes.get_title(loc="left") for axes in (left, right, difference)] == ["numpy_nn", "keras", "numpy_nn − keras"]
    assert len(left.collections) == (3 if flat else 4)  # the filled contours, the line at 0.5, a scatter for each class


def test_a_data_set_of_three_classes_has_three_markers():
    x, y = np.random.default_rng(0).normal(size=(9, 2)), np.eye(3)[[0, 1, 2] * 3]
    figure = draw(surfaces.data_set(surfaces.Points(x=x, y=y, x_test=x, y_test=y)))
    assert len(figure.axes[0].collections) == 6
