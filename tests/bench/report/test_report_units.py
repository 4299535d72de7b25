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
    ("value", "text"), [(1 / 87, "1/87.0"), (0.42, "1/2.38"), (0.82, "0.820×"), (12.34, "12.3×"), (1.0, "1.00×"), (0.0, "0×")]
)
def test_a_ratio_below_one_half_is_a_fraction(value, text):
    assert units.ratio(value) == text


def test_the_ends_of_a_ratios_interval_are_in_the_order_of_their_values():
    assert units.ratio_interval(1 / 87, 1 / 90, 1 / 84) == "1/87.0 [1/90.0, 1/84.0]"


def test_the_ends_of_an_interval_are_written_as_its_ratio_is():
    assert units.ratio_interval(0.52, 0.45, 0.59) == "0.520× [0.450, 0.590]"
    assert units.ratio_interval(0.48, 0.45, 0.55) == "1/2.08 [1/2.22, 1/1.82]"


def test_an_end_that_nobody_knows_is_infinite():
    assert units.seconds_interval(0.143, 0.14, float("inf")) == "143 ms [140, ∞]"


@pytest.mark.parametrize(
    "show",
    [units.number, units.count, units.seconds, units.ratio, units.percent, units.tiny, units.size]
    + [lambda value, show=show: show(value, 1.0, 2.0) for show in (units.seconds_interval, units.ratio_interval)]
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
