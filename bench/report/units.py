"""Formats figures for readers: 31.2 µs, 2.71 ms [2.65, 2.80], 92 × faster [75, 112], 98.3 %, 58.3 MB.

Called by everything in the report that writes a number. A figure that wasn't measured (None or NaN) is a dash, never a zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from bench.analysis.statistics import CONFIDENCE

ABSENT = "–"
INTERVAL = f"{100 * CONFIDENCE:g} % interval"
FASTER, SLOWER, NO_DIFFERENCE = "faster", "slower", "no difference seen"
TOO_FEW = "too few rounds to tell"
_TIME_UNITS = ((60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_MINUTES_FROM_SECONDS = 600.0


_NEAR_ONE = 1.1
"""A ratio that is nearer to 1 is written with two decimals."""


def is_absent(value: float | None) -> bool:
    """Whether `value` is a figure that wasn't measured."""
    return value is None or math.isnan(value)


def number(value: float | None, digits: int = 3) -> str:
    """`value` to `digits` significant digits, never in scientific notation: 0.0312, 2.71, 15.6, 1,230."""
    if value is None or math.isnan(value):
        return ABSENT
    if math.isinf(value):
        return "∞"
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits - 1}e}")
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(rounded))))
    return f"{rounded:,.{decimals}f}"


def count(value: float | None) -> str:
    """A whole number with thousands separators: 5,800."""
    return ABSENT if value is None or math.isnan(value) else f"{int(value):,}"


def counted(number: int, noun: str) -> str:
    """A number with its noun: 1 row, 1,000 rows."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def seconds(value: float | None) -> str:
    """A time in the unit that suits it: 31.2 µs, 2.71 ms, 15.6 s, 11.3 min."""
    if value is None or math.isnan(value):
        return ABSENT
    scale, unit = _time_unit(value)
    return f"{number(value / scale)} {unit}"


def seconds_interval(value: float | None, low: float | None, high: float | None) -> str:
    """A time with its interval in the same unit: 2.71 ms [2.65, 2.80]."""
    if value is None or math.isnan(value):
        return ABSENT
    scale, _ = _time_unit(value)
    return seconds(value) + _interval(low, high, lambda end: number(end / scale))


def comparison(ratio: float | None, low: float | None = None, high: float | None = None) -> str:
    """A ratio of times as a reader says it: "92 × faster [75, 112]", "1.3 × slower [1.2, 1.4]".

    Where the interval contains 1, "no difference seen" with both ends; without an interval, "too few rounds to tell" with the
    ratio. This is the only place that puts a ratio of times into words.
    """
    if ratio is None or math.isnan(ratio):
        return ABSENT
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        return f"{TOO_FEW} ({times(ratio)})"
    if low <= 1 <= high:
        return f"{NO_DIFFERENCE} [{times(low)}, {times(high)}]"
    if ratio <= 0:
        return ABSENT
    word, ends = (FASTER, (ratio, high, low)) if high < 1 else (SLOWER, (ratio, low, high))
    middle, first, second = _apart(*((1 / end if end else math.inf) if high < 1 else end for end in ends))
    return f"{middle} × {word} [{first}, {second}]"


def multiple(value: float | None, low: float | None = None, high: float | None = None) -> str:
    """A plain ratio with its interval: 1.60 × [1.58, 1.63], 0.16 ×."""
    if value is None or math.isnan(value):
        return ABSENT
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        return f"{_apart(value)[0]} ×"
    middle, first, second = _apart(value, low, high)
    return f"{middle} × [{first}, {second}]"


def percent(value: float | None, decimals: int = 1) -> str:
    """A share as per cent: 98.3 %."""
    return ABSENT if value is None or math.isnan(value) else f"{100 * value:.{decimals}f} %"


def percent_interval(value: float | None, low: float | None, high: float | None) -> str:
    """A share with its interval, in per cent: 97.1 % [95.8, 98.4]."""
    return percent(value) + ("" if is_absent(value) else _interval(low, high, lambda end: f"{100 * end:.1f}"))


def points_interval(value: float | None, low: float | None, high: float | None) -> str:
    """A difference of two shares, in percentage points with its sign: +0.10 pp [−0.20, +0.40]."""
    if value is None or math.isnan(value):
        return ABSENT
    return f"{_signed(value)} pp" + _interval(low, high, _signed)


def points(value: float | None) -> str:
    """A difference of two shares in percentage points with its sign: +0.10, −0.20, 0.00."""
    return ABSENT if value is None or math.isnan(value) else _signed(value)


def number_interval(value: float | None, low: float | None, high: float | None) -> str:
    """A plain figure with its interval: 0.0743 [0.0701, 0.0785]."""
    return number(value) + ("" if is_absent(value) else _interval(low, high, number))


def tiny(value: float | None) -> str:
    """A difference near zero, whose order of magnitude matters: 1.1e-16; exactly zero is 0."""
    if value is None or math.isnan(value):
        return ABSENT
    return "0" if value == 0 else f"{value:.1e}"


def exponent(value: float) -> str:
    """A power of ten: 1e-4."""
    mantissa, _, power = f"{value:.0e}".partition("e")
    return f"{mantissa}e{int(power)}"


def size(value: float | None) -> str:
    """Bytes, in powers of a thousand: 58.3 MB."""
    if value is None or math.isnan(value):
        return ABSENT
    scale, unit = next(((scale, unit) for scale, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")) if value >= scale), (1.0, "B"))
    return f"{number(value / scale)} {unit}"


def times(ratio: float) -> str:
    """A ratio without an interval: "92 × faster"."""
    if not 0 < ratio < math.inf:
        return f"{number(ratio)} ×"
    factor = max(ratio, 1 / ratio)
    shown = f"{factor:.2f}" if factor < _NEAR_ONE else _apart(factor)[0]
    return f"{shown} × {FASTER if ratio < 1 else SLOWER}" if shown != "1.00" else "1.00 ×"


def _apart(*values: float) -> list[str]:
    """The values with two significant digits or more: as many decimals as it takes to tell them apart, at most four."""
    for digits in (2, 3, 4, 5):
        texts = [_rounded(value, digits) for value in values]
        if len(set(texts)) == len(set(values)):
            break
    return texts


def _rounded(value: float, digits: int) -> str:
    if math.isinf(value):
        return "∞"
    decimals = digits - 1 - math.floor(math.log10(abs(value))) if value else 0
    return f"{value:,.{min(max(0, decimals), 4)}f}"


def _interval(low: float | None, high: float | None, show: Callable[[float], str]) -> str:
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        return ""
    return f" [{show(low)}, {show(high)}]"


def _signed(share: float) -> str:
    text = f"{100 * share:+.2f}".replace("-", "−")
    return "0.00" if text[1:] == "0.00" else text


def _time_unit(value: float) -> tuple[float, str]:
    if abs(value) < _MINUTES_FROM_SECONDS:
        # Rounded first, so that 999.9 µs is 1.00 ms and not 1,000 µs.
        rounded = float(f"{abs(value):.2e}")
        return next(((scale, unit) for scale, unit in _TIME_UNITS[1:] if rounded >= scale), _TIME_UNITS[-1])
    return _TIME_UNITS[0]
