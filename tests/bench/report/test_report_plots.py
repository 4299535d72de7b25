import io
import re
import sys

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from report_frames import time_row

from bench.contestants.registry import CONTESTANTS
from bench.report import style
from bench.report.plots import bars, scaling, surfaces, training

MOONS = pd.DataFrame(
    [
        time_row("keras", "step", 2.7e-3, low=2.6e-3, high=2.9e-3),
        time_row("numpy_nn", "step", 31e-6, low=30e-6, high=33e-6),
        time_row("keras", "cold start", 5.0),
    ]
)


def draw(figure):
    """Draw it for good, so that every label is laid out."""
    assert isinstance(figure, Figure)
    figure.savefig(io.BytesIO(), format="svg")
    return figure


def words(axes):
    return [text.get_text() for text in axes.texts]


def curve(contestant, values, seed=0):
    return [
        {"contestant": contestant, "seed": seed, "epoch": e, "loss": v, "accuracy": v, "val_loss": np.nan, "val_accuracy": np.nan}
        for e, v in enumerate(values)
    ]


def test_every_contestant_of_the_table_has_a_colour_of_its_own():
    assert set(CONTESTANTS) <= set(style.COLOURS)
    assert len(set(style.COLOURS.values())) == len(style.COLOURS)


def test_a_contestant_of_ones_own_has_one_colour_and_comes_last():
    assert style.colour("MyNet") == style.colour("MyNet")
    assert style.in_order(["MyNet", "keras", "numpy_nn"]) == ["numpy_nn", "keras", "MyNet"]


def test_drawing_leaves_no_figure_open_and_needs_no_pyplot():
    draw(bars.time_bars(MOONS, {"step": "a step"}))
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


def test_time_bars_have_the_fastest_on_top_and_their_figures_beside_them():
    axes = draw(bars.time_bars(MOONS, {"step": "a step", "cold start": "cold start"})).axes
    assert [label.get_text() for label in axes[0].get_yticklabels()] == ["numpy_nn", "keras"]
    assert axes[0].yaxis_inverted()
    assert words(axes[0]) == ["31.0 µs", "2.70 ms"]
    assert axes[0].get_xscale() == "log"


def test_a_measure_that_one_contestant_lacks_says_so_in_its_place():
    axes = draw(bars.time_bars(MOONS, {"step": "a step", "cold start": "cold start"})).axes
    assert words(axes[1]) == ["not measured", "5.00 s"]


def test_a_measure_that_nobody_has_gets_no_panel():
    assert len(draw(bars.time_bars(MOONS, {"step": "a step", "fit": "whole fit"})).axes) == 1


def test_whiskers_go_from_end_to_end_of_the_interval():
    (axes,) = draw(bars.time_bars(MOONS, {"step": "a step"})).axes
    segments = axes.collections[0].get_segments()
    np.testing.assert_allclose([segment[:, 0] for segment in segments], [[30e-6, 33e-6], [2.6e-3, 2.9e-3]])


def test_ticks_of_a_time_axis_are_times():
    (axes,) = draw(bars.time_bars(MOONS, {"step": "a step"})).axes
    assert {"100 µs", "1 ms"} <= {label.get_text() for label in axes.get_xticklabels()}


def test_a_parity_of_exactly_zero_is_drawn_on_the_line_marked_0():
    rows = [
        {"contestant": "numpy_nn", "epoch": e, "loss": v, "accuracy": 0.0, "weights": 2e-16} for e, v in enumerate([0.0, 1.1e-16])
    ]
    loss, accuracy, _ = draw(training.parity_curves(pd.DataFrame(rows))).axes
    zero, tiny = loss.lines[0].get_ydata()
    place = {label.get_text(): tick for label, tick in zip(loss.get_yticklabels(), loss.get_yticks(), strict=True)}
    assert zero == place["0"] < tiny == 1.1e-16
    assert set(accuracy.lines[0].get_ydata()) == {zero}


def test_a_parity_that_is_zero_everywhere_can_be_drawn():
    rows = [{"contestant": "numpy_nn", "epoch": e, "loss": 0.0, "accuracy": 0.0, "weights": 0.0} for e in range(3)]
    draw(training.parity_curves(pd.DataFrame(rows)))


def test_the_reference_lies_wide_below_the_curves_that_agree_with_it():
    figure = draw(training.training_curves(pd.DataFrame(curve("numpy_nn", [0.7, 0.3]) + curve("keras", [0.7, 0.3]))))
    below, above = figure.axes[0].lines
    assert (below.get_label(), above.get_label()) == ("keras", "numpy_nn")
    assert below.get_linewidth() > above.get_linewidth()


def test_training_curves_leave_out_the_panel_that_nobody_has_figures_for():
    assert len(draw(training.training_curves(pd.DataFrame(curve("numpy_nn", [0.7, 0.3])))).axes) == 2


def test_epoch_counts_far_apart_share_a_logarithmic_axis():
    frame = pd.DataFrame(curve("article", np.linspace(0.7, 0.1, 100)) + curve("keras", [0.7, 0.3]))
    assert draw(training.training_curves(frame)).axes[0].get_xscale() == "log"


def test_a_share_that_never_reaches_all_stays_below_to_the_end():
    rows = [{"contestant": "numpy_nn", "target": 0.97, "seconds": s, "share": p} for s, p in ((0.1, 0.5), (0.2, 0.75))]
    (axes,) = draw(training.share_reached(pd.DataFrame(rows))).axes
    (line,) = axes.lines
    assert line.get_ydata()[0] == 0.0
    assert line.get_ydata()[-1] == 0.75
    assert line.get_xdata()[-1] == axes.get_xlim()[1]


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
    assert words(axes) == ["1.42×", "1.10×", "1.10×\n(1.90×)"]
    assert [patch.get_facecolor()[:3] for patch in axes.patches] == [
        tuple(int(style.colour(name)[i : i + 2], 16) / 255 for i in (1, 3, 5)) for name in ("numpy_nn", "jax", "jax", "jax")
    ]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["numpy_nn", "jax"]


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
    left, right, _ = figure.axes
    assert [axes.get_title(loc="left") for axes in (left, right)] == ["numpy_nn", "keras"]
    assert len(left.collections) == (3 if flat else 4)  # the filled contours, the line at 0.5, a scatter for each class


def test_a_data_set_of_three_classes_has_three_markers():
    x, y = np.random.default_rng(0).normal(size=(9, 2)), np.eye(3)[[0, 1, 2] * 3]
    figure = draw(surfaces.data_set(surfaces.Points(x=x, y=y, x_test=x, y_test=y)))
    assert len(figure.axes[0].collections) == 6


def test_the_parts_of_the_breakdown_fill_the_whole():
    frame = pd.DataFrame([{"contestant": "numpy_nn", "cold_start": 0.1, "products": np.nan, "rest": 0.3}])
    (axes,) = draw(bars.breakdown_bars(frame)).axes
    assert sum(patch.get_width() for patch in axes.patches) == pytest.approx(1.0)
    assert words(axes) == ["400 ms"]


def test_curves_that_agree_share_one_line_with_their_dashes_side_by_side():
    frame = pd.DataFrame([row for name in ("numpy_nn", "keras", "keras-tuned") for row in curve(name, [0.7, 0.3])])
    drawing = io.StringIO()
    training.training_curves(frame).savefig(drawing, format="svg")
    dashes = re.findall(r"stroke-dasharray: ([\d.]+),([\d.]+); stroke-dashoffset: ([\d.]+)", drawing.getvalue())
    (dash, gap, start), (_, _, next_start) = ([float(part) for part in parts] for parts in dashes[:2])
    assert gap == dash == next_start - start
