"""What the soak calls a trend."""

import pytest

from tests.support.trends import Series


def measured(values: list[float], may_grow: float | None = 1.0) -> Series:
    series = Series("keeper", "MB", may_grow)
    for second, value in enumerate(values):
        series.add(float(second), value)
    return series


def test_what_grows_all_the_time_is_a_trend() -> None:
    assert measured([10 + 0.1 * second for second in range(60)]).grows()


def test_what_grows_only_while_it_warms_up_is_none() -> None:
    assert not measured([float(min(second, 20)) for second in range(60)]).grows()


def test_what_goes_up_and_down_is_none() -> None:
    assert not measured([10.0 + 5 * (second % 4) for second in range(60)]).grows()


def test_what_shrinks_is_none() -> None:
    assert not measured([100.0 - second for second in range(60)]).grows()


def test_what_is_only_shown_has_no_trend() -> None:
    assert not measured([float(second) for second in range(60)], may_grow=None).grows()


def test_too_few_measurements_tell_nothing() -> None:
    assert measured([1.0, 2.0, 3.0, 4.0, 5.0]).growth() == 0


@pytest.mark.parametrize(
    ("values", "drawn"),
    [([], ""), ([3.0], "▁"), ([0.0, 7.0], "▁█"), ([0.0, 0.0, 7.0, 3.0], "▁█"), ([0.0, 1.0, 2.0, 3.0, 4.0], "▁█")],
)
def test_a_picture_shows_the_most_of_each_part(values: list[float], drawn: str) -> None:
    assert measured(values).picture(2) == drawn


def test_a_picture_is_as_wide_as_there_are_measurements_at_most() -> None:
    assert len(measured([1.0, 2.0, 3.0]).picture(40)) == 3
