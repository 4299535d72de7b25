import pytest

from bench.report import units

NAN = float("nan")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (31.2e-6, "31.2 µs"),
        (2.71e-3, "2.71 ms"),
        (15.62, "15.6 s"),
        (599.0, "599 s"),
        (678.0, "11.3 min"),
        (5.03e-9, "5.03 ns"),
        (999.96e-6, "1.00 ms"),
        (0.0, "0 ns"),
    ],
)
def test_a_time_stands_in_the_unit_that_suits_it(value, text):
    assert units.seconds(value) == text


def test_an_interval_shares_the_unit_of_its_median():
    assert units.seconds_interval(0.98e-3, 0.95e-3, 1.02e-3) == "980 µs [950, 1,020]"


def test_a_figure_without_an_interval_stands_alone():
    assert units.seconds_interval(2e-3, NAN, NAN) == "2.00 ms"
    assert units.percent_interval(0.97, None, None) == "97.0 %"


@pytest.mark.parametrize(
    ("ratio", "low", "high", "text"),
    [
        (1 / 92, 1 / 112, 1 / 75, "92 × faster [75, 112]"),
        (1.3, 1.2, 1.4, "1.3 × slower [1.2, 1.4]"),
        (1 / 1.6, 1 / 1.63, 1 / 1.58, "1.60 × faster [1.58, 1.63]"),
        (1.03, 1.02, 1.04, "1.03 × slower [1.02, 1.04]"),
        (0.5, 0.5, 0.5, "2.0 × faster [2.0, 2.0]"),
        (1.01, 0.95, 1.07, "no difference seen [1.05 × faster, 1.07 × slower]"),
        (1.0, 1.0, 1.0, "no difference seen [1.00 ×, 1.00 ×]"),
        (0.02, NAN, NAN, "too few rounds to tell (50 × faster)"),
        (0.01, 0.0, 0.02, "100 × faster [50, ∞]"),
        (12_345.0, 12_000.0, 13_000.0, "12,345 × slower [12,000, 13,000]"),
    ],
)
def test_a_ratio_of_times_is_written_as_a_reader_says_it(ratio, low, high, text):
    assert units.comparison(ratio, low, high) == text


def test_a_plain_ratio_has_as_many_digits_as_tell_its_ends_apart():
    assert units.multiple(1.6, 1.58, 1.63) == "1.60 × [1.58, 1.63]"
    assert units.multiple(0.16) == "0.16 ×"


def test_an_end_that_nobody_knows_is_infinite():
    assert units.seconds_interval(0.143, 0.14, float("inf")) == "143 ms [140, ∞]"


@pytest.mark.parametrize(
    "show",
    [units.number, units.count, units.seconds, units.percent, units.points, units.tiny, units.size]
    + [units.comparison, units.multiple]
    + [lambda value, show=show: show(value, 1.0, 2.0) for show in (units.seconds_interval, units.comparison, units.multiple)]
    + [
        lambda value, show=show: show(value, 0.1, 0.2)
        for show in (units.percent_interval, units.points_interval, units.number_interval)
    ],
)
@pytest.mark.parametrize("absent", [None, NAN])
def test_what_was_not_measured_is_a_dash_and_never_a_zero(show, absent):
    assert show(absent) == "–"


def test_a_difference_of_exactly_zero_is_told_from_a_tiny_one():
    assert units.tiny(0.0) == "0"
    assert units.tiny(1.11e-16) == "1.1e-16"


def test_a_difference_in_points_has_its_sign():
    assert units.points_interval(-0.001, -0.003, 0.00001) == "−0.10 pp [−0.30, 0.00]"


@pytest.mark.parametrize(("value", "text"), [(58_300_000, "58.3 MB"), (8e9, "8.00 GB"), (1200, "1.20 kB"), (12, "12.0 B")])
def test_bytes_are_counted_in_thousands(value, text):
    assert units.size(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(1234.5, "1,230"), (0.0312, "0.0312"), (99.96, "100"), (2.705, "2.71"), (-3.0, "-3.00")]
)
def test_a_number_keeps_three_digits_and_no_exponent(value, text):
    assert units.number(value) == text


def test_a_threshold_is_a_power_of_ten_without_leading_zeros():
    assert [units.exponent(value) for value in (1e-4, 1e-16, 1e3)] == ["1e-4", "1e-16", "1e3"]


def test_a_number_of_things_has_its_noun():
    assert [units.counted(number, "row") for number in (1, 0, 1000)] == ["1 row", "0 rows", "1,000 rows"]
