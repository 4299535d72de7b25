"""The style of all plots: each contestant's colours and marker, fonts, grid, size and axes.

Called by `bench.report.plots`. Every colour is chosen for a light page, and `DARK` has its replacement on a dark one: the HTML page
replaces them in the SVG. `tests/bench/report/test_report_style.py` holds the palettes to their distances and contrasts.
"""

from __future__ import annotations

import re
import warnings
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from bench.escaping import LONGEST_LABEL as LONGEST_LABEL
from bench.escaping import plot_text as plot_text
from bench.report.units import number, seconds

INK = "#1b1f24"
"""The colour of text, axes and neutral lines."""
FAINT = "#c9ced6"
"""The colour of the grid."""
PAPER = "#ffffff"
"""The background."""
DARK_INK, DARK_PAPER = "#e6e9ee", "#15181d"


class Look(NamedTuple):
    """A contestant's colour on a light and on a dark page, and its marker."""

    light: str
    dark: str
    marker: str


LOOKS = {
    "numpy_nn": Look("#1068e7", "#a28bff", "o"),
    "article": Look("#0f99f4", "#d0b8fb", "D"),
    "keras": Look("#8a1f00", "#ff904d", "s"),
    "keras-tuned": Look("#b98a2a", "#846000", "^"),
    "keras-jax": Look("#8f691f", "#c9fe96", "v"),
    "keras-torch": Look("#bc375e", "#d52587", "P"),
    "tensorflow": Look("#6a2e57", "#cda8bf", ">"),
    "jax": Look("#007967", "#90ca94", "X"),
    "torch": Look("#998cae", "#feecd6", "<"),
    "torch-compile": Look("#404299", "#8e57d0", "d"),
    "sklearn": Look("#524539", "#959889", "*"),
    "onnxruntime": Look("#83968e", "#586a5b", "p"),
    "floor": Look("#646c8d", "#7985aa", "h"),
}
"""By contestant, in the order in which contestants are listed; found by a search for the largest least distance in all pairs."""
_OTHERS = tuple(Look(light, dark, marker) for marker in "osD^v" for light, dark in (("#430903", "#b2744e"), ("#260049", "#2b7176")))

# Text on a patch of a contestant's colour. The two letters are its colour on a light and on a dark page: white or black.
_TEXT_ON = {("W", "W"): "#fffffd", ("W", "B"): "#fffffe", ("B", "W"): "#000001", ("B", "B"): "#000002"}
DARK = {
    INK: DARK_INK,
    FAINT: "#3a414b",
    PAPER: DARK_PAPER,
    **{key: {"W": "#ffffff", "B": "#000000"}[letters[1]] for letters, key in _TEXT_ON.items()},
    **{look.light: look.dark for look in (*LOOKS.values(), *_OTHERS)},
}
"""The replacement of each colour on a dark page. Colours that aren't here stay."""


RC: Any = {
    "axes.axisbelow": True,
    "axes.edgecolor": INK,
    "axes.facecolor": PAPER,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 10,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "figure.facecolor": PAPER,
    "font.family": "DejaVu Sans",  # part of matplotlib, so that all machines draw alike
    "font.size": 10,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "lines.linewidth": 1.6,
    "savefig.dpi": 150,  # of the pictures within an SVG too
    "savefig.facecolor": PAPER,
    "svg.hashsalt": "moons-bench",  # without it, the ids in an SVG are random
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}

WIDTH_INCHES = 9.0
_MARKS = re.compile(r'(<g(?: clip-path="[^"]*")?)>((?:<use [^>]*? (style="[^"]*")/>)(?:<use [^>]*? \3/>)+)(?=</g>)')
"""A group of marks of one style, which the group can have in place of each of them."""
_DECIMAL = re.compile(r"-?\d+\.\d+")
_TICK_INCHES, _TICK_HEIGHT_INCHES = 0.62, 0.3
"""The room of a tick's label along an axis."""
_NARROW_RATIO = 4.0
"""An axis whose ends have a smaller ratio has evenly spaced ticks although it is logarithmic."""


@contextmanager
def drawing() -> Iterator[None]:
    """A context in which figures have this style, whatever a user's matplotlibrc says."""
    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(RC)
        yield


def compact(svg: str) -> str:
    """The SVG without comments and indentation, with coordinates rounded to a hundredth of a point, less than any screen shows."""
    bare = re.sub(r">\s+<", "><", re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL))
    bare = _MARKS.sub(lambda marks: f"{marks[1]} {marks[3]}>{marks[2].replace(' ' + marks[3], '')}", bare)
    return re.sub(r'(?<= (?:d|x|y)=")[^"]*|translate\([^)]*\)', lambda part: _DECIMAL.sub(_rounded, part.group()), bare)


def _rounded(found: re.Match[str]) -> str:
    return f"{float(found.group()):.2f}".rstrip("0").rstrip(".")


def look(contestant: str) -> Look:
    """The contestant's colours and marker; those of a contestant that isn't in `LOOKS` follow from its name."""
    return LOOKS.get(contestant) or _OTHERS[zlib.crc32(contestant.encode("utf-8", "replace")) % len(_OTHERS)]


def colour(contestant: str) -> str:
    """The contestant's colour on a light page."""
    return look(contestant).light


def text_on(contestant: str) -> str:
    """The colour of text on a patch of the contestant's colour: white or black, whichever has more contrast on each page."""
    own = look(contestant)
    return _TEXT_ON[_white_or_black(own.light), _white_or_black(own.dark)]


def text_on_colour(hue: str) -> str:
    """White or black for text on a patch whose colour is the same on a light and on a dark page."""
    letter = _white_or_black(hue)
    return _TEXT_ON[letter, letter]


def in_order(contestants: Iterable[str]) -> list[str]:
    """The distinct names, the known ones in the order of `LOOKS`, then the others alphabetically."""
    place = {name: index for index, name in enumerate(LOOKS)}
    return sorted(set(contestants), key=lambda name: (place.get(name, len(place)), name))


def new_figure(height_inches: float, width_inches: float = WIDTH_INCHES) -> Figure:
    """An empty figure with constrained layout, independent of pyplot's global state."""
    figure = Figure(figsize=(width_inches, height_inches))
    figure.set_layout_engine("constrained", wspace=0.05)
    return figure


def time_axis(axes: Axes, which: str = "x") -> None:
    """Make an axis of seconds logarithmic, with tick labels such as 10 µs and 1 ms."""
    _log_axis(axes, which, lambda value: seconds(value).replace(".00", "").replace(".0 ", " "))


def count_axis(axes: Axes, which: str = "x") -> None:
    """Make an axis logarithmic, with plain numbers as tick labels."""
    _log_axis(axes, which, lambda value: number(value, 1))


def whole_axis(axes: Axes) -> None:
    """Put the ticks of the linear x axis at whole numbers."""
    axes.xaxis.set_major_locator(MaxNLocator(7, integer=True))


def percent_axis(axes: Axes, which: str = "y") -> None:
    """Label shares as per cent."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:.4g} %"))


def _log_axis(axes: Axes, which: str, show: Any) -> None:
    if which == "x":
        axes.set_xscale("log")
        axis, limits = axes.xaxis, axes.get_xlim()
    else:
        axes.set_yscale("log")
        axis, limits = axes.yaxis, axes.get_ylim()  # type: ignore[assignment]
    low, high = sorted(limits)
    axis.set_major_locator(FixedLocator(_log_ticks(low, high, _room_for_ticks(axes, which))))
    axis.set_major_formatter(FuncFormatter(lambda value, _: show(value)))
    axis.set_minor_locator(NullLocator())
    axes.set_xlim(limits) if which == "x" else axes.set_ylim(limits)


def _room_for_ticks(axes: Axes, which: str) -> int:
    """How many labels fit beside one another on an axis, from the size of the figure and the number of its panels."""
    place, figure = axes.get_subplotspec(), axes.get_figure(root=True)
    lines, columns = place.get_gridspec().get_geometry() if place is not None else (1, 1)
    assert figure is not None
    width, height = figure.get_size_inches()
    inches = 0.8 * width / columns / _TICK_INCHES if which == "x" else 0.7 * height / lines / _TICK_HEIGHT_INCHES
    return max(2, int(inches))


def _log_ticks(low: float, high: float, most: int) -> list[float]:
    """At most `most` round values between `low` and `high`, evenly spaced on a logarithmic axis as far as that goes."""
    first, last = np.floor(np.log10(low)), np.ceil(np.log10(high))
    powers = 10.0 ** np.arange(first, last + 1)
    if high / low < _NARROW_RATIO:
        even = MaxNLocator(most - 1, steps=[1, 2, 5, 10]).tick_values(low, high)
        inside = [float(value) for value in even if low <= value <= high]
        return inside[:: -(-len(inside) // most)]
    choices = [powers[:, None] * steps for steps in ([[1.0, 2.0, 5.0]], [[1.0, 3.0]], [[1.0]])]
    choices += [(10.0 ** np.arange(first - first % stride, last + 1, stride))[:, None] for stride in range(2, 40)]
    for values in choices:
        inside = [float(value) for value in values.ravel() if low * (1 - 1e-9) <= value <= high * (1 + 1e-9)]
        if len(inside) <= most:
            return inside
    return []


def _white_or_black(hue: str) -> str:
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in to_rgb(hue)]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "B" if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else "W"
