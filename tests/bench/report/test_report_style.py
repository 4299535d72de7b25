"""The palettes, as people with every kind of colour vision see them; ticks; foreign text; a reader's own matplotlibrc."""

import io
from itertools import combinations, pairwise

import matplotlib
import numpy as np
import pytest
from colour_vision import DEFICIENCIES, ciede2000, contrast, lab, linear, seen
from matplotlib.figure import Figure

from bench.contestants.registry import CONTESTANTS
from bench.report import style
from bench.report.plots.surfaces import CLASS_COLOURS, SURFACE_COLOURS

LEAST_DISTANCE = 12.0
"""CIEDE2000. The eight colours of Okabe and Ito are 10.9 apart by this measure, ours with the ink at least 12.9 and, dark, 12.3."""
LEAST_CONTRAST = 3.0
LOOKS = {**style.LOOKS, "MyNet": style._OTHERS[0], "YourNet": style._OTHERS[1]}
BACKGROUNDS = {"light": style.PAPER, "dark": style.DARK_PAPER}
INKS = {"light": style.INK, "dark": style.DARK_INK}


@pytest.mark.parametrize(
    ("one", "other", "difference"),
    [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, -1.3802, -84.2814), (50, 0, -82.7485), 1.0),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((50, 2.49, -0.001), (50, -2.49, 0.0011), 7.2195),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_ciede2000_gives_the_differences_that_its_authors_published(one, other, difference):
    assert ciede2000(np.array(one, float), np.array(other, float)) == pytest.approx(difference, abs=1e-4)


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
@pytest.mark.parametrize("page", BACKGROUNDS)
def test_each_pair_of_colours_is_told_apart_and_from_the_ink_whatever_the_eyes(page, deficiency):
    hues = {name: getattr(look, page) for name, look in LOOKS.items()} | {"ink": INKS[page]}
    places = lab(seen(linear(hues.values()), deficiency))
    distances = {(one, other): float(ciede2000(places[i], places[j])) for (i, one), (j, other) in combinations(enumerate(hues), 2)}
    assert {pair: distance for pair, distance in distances.items() if distance < LEAST_DISTANCE} == {}


@pytest.mark.parametrize("page", BACKGROUNDS)
def test_each_mark_stands_out_from_its_page(page):
    hues = {name: getattr(look, page) for name, look in LOOKS.items()} | {"ink": INKS[page]}
    assert {name: hue for name, hue in hues.items() if contrast(hue, BACKGROUNDS[page]) < LEAST_CONTRAST} == {}


@pytest.mark.parametrize("background", [style.PAPER, style.DARK_PAPER])
def test_the_classes_of_a_data_set_stand_out_from_both_pages_since_no_page_replaces_them(background):
    assert all(contrast(hue, background) >= LEAST_CONTRAST for hue in CLASS_COLOURS)
    assert not set(CLASS_COLOURS) & set(style.DARK)


@pytest.mark.parametrize("background", SURFACE_COLOURS)
def test_the_test_points_stand_out_from_the_decision_surfaces(background):
    assert all(contrast(hue, background) >= LEAST_CONTRAST for hue in CLASS_COLOURS[:2])


def test_every_contestant_has_a_colour_and_a_marker_of_its_own():
    assert set(CONTESTANTS) <= set(style.LOOKS)
    for part in zip(*style.LOOKS.values(), strict=True):
        assert len(set(part)) == len(part)


def test_every_colour_of_a_light_page_has_one_replacement_on_a_dark_one():
    lights = [look.light for look in LOOKS.values()]
    assert {style.DARK[hue] for hue in lights} == {look.dark for look in LOOKS.values()}
    assert set(lights).isdisjoint({style.INK, style.PAPER, style.FAINT})


@pytest.mark.parametrize("name", LOOKS)
def test_text_on_a_contestants_colour_can_be_read_on_both_pages(name):
    look, hue = style.look(name), style.text_on(name)
    assert contrast(hue, look.light) >= 4.5
    assert contrast(style.DARK[hue], look.dark) >= 4.5


def test_a_contestant_of_ones_own_has_one_colour_and_comes_last():
    assert style.look("MyNet") == style.look("MyNet")
    assert style.in_order(["MyNet", "keras", "numpy_nn"]) == ["numpy_nn", "keras", "MyNet"]


@pytest.mark.parametrize("text", [r"$x^2$ and $\frac", "\x1b[31mred", "line\nbreak", "a" * 180, "\ud800", "$"])
def test_foreign_text_is_drawn_as_it_is_on_one_line_and_not_as_a_formula(text):
    figure = Figure()
    drawn = figure.text(0, 0, style.plot_text(text))
    figure.savefig(io.BytesIO(), format="svg")
    assert len(style.plot_text(text)) <= style.LONGEST_LABEL + text.count("$")
    assert drawn.get_text().isprintable()


def test_long_names_that_begin_alike_stay_different():
    assert style.plot_text("a" * 180) != style.plot_text("a" * 179 + "b")


def test_a_users_own_matplotlib_settings_have_no_effect():
    with matplotlib.rc_context({"text.usetex": True, "axes.facecolor": "red", "savefig.bbox": "tight", "lines.linewidth": 9}):
        with style.drawing():
            assert not matplotlib.rcParams["text.usetex"]
            assert matplotlib.rcParams["axes.facecolor"] == style.PAPER
            assert matplotlib.rcParams["savefig.bbox"] is None
            assert matplotlib.rcParams["lines.linewidth"] == 1.6
        assert matplotlib.rcParams["lines.linewidth"] == 9


@pytest.mark.parametrize("low", [1e-9, 2.1e-3, 0.9, 7.0, 3e4])
@pytest.mark.parametrize("ratio", [1.2, 3.0, 8.0, 50.0, 1e3, 1e9])
@pytest.mark.parametrize("most", [2, 4, 9])
def test_a_logarithmic_axis_of_any_length_has_some_ticks_and_not_too_many(low, ratio, most):
    ticks = style._log_ticks(low, low * ratio, most)
    assert 1 <= len(ticks) <= most
    assert all(low <= tick <= low * ratio for tick in ticks)


def test_labels_of_a_logarithmic_axis_lie_apart():
    figure = style.new_figure(2.0)
    for axes, (low, high) in zip(figure.subplots(1, 3), [(2.1e-3, 2.9e-3), (1e-6, 3.0), (0.9, 7.0)], strict=True):
        axes.set_xlim(low, high)
        style.time_axis(axes)
    figure.draw_without_rendering()
    for axes in figure.axes:
        boxes = [label.get_window_extent() for label in axes.get_xticklabels() if label.get_text()]
        assert boxes
        assert all(left.x1 + 2 < right.x0 for left, right in pairwise(boxes))


def test_a_compact_svg_draws_the_same_with_fewer_digits():
    svg = (
        '<svg>\n  <!-- a\n name -->\n <path d="M 1.23456 2\nL -0.00001 3.5"/>\n '
        '<use x="1.009" transform="translate(2.3456 1) scale(0.015625)"/></svg>'
    )
    assert style.compact(svg) == (
        '<svg><path d="M 1.23 2\nL -0 3.5"/><use x="1.01" transform="translate(2.35 1) scale(0.015625)"/></svg>'
    )


def test_marks_of_one_style_have_it_from_their_group():
    use = '<use x="1" style="fill: #ffffff"/>'
    assert style.compact(f"<g>{use}{use}</g>") == '<g style="fill: #ffffff"><use x="1"/><use x="1"/></g>'
    assert style.compact(f'<g>{use}<use x="1" style="fill: #000000"/></g>').count("style") == 2
