"""The histogram's quantiles beside those of the sorted values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.errors import OperatorError
from operators.flow.quantile import LogHistogram
from tests.operators.support import QUICK

VALUES = st.lists(st.floats(1e-8, 1e8), min_size=1, max_size=200)


def filled(values: list[float], accuracy: float = 0.02) -> LogHistogram:
    histogram = LogHistogram(accuracy)
    for value in values:
        histogram.add(value)
    return histogram


@QUICK
@given(values=VALUES, share=st.floats(0.0, 1.0))
def test_within_the_accuracy_of_the_exact_quantile(values: list[float], share: float) -> None:
    exact = sorted(values)[int(share * (len(values) - 1))]
    assert filled(values).quantile(share) == pytest.approx(exact, rel=0.02 + 1e-9)


@QUICK
@given(values=VALUES, at=st.integers(0, 200), share=st.floats(0.0, 1.0))
def test_two_streams_add_up_and_order_does_not_matter(values: list[float], at: int, share: float) -> None:
    one, other = filled(values[at:]), filled(values[:at])
    assert one.quantile(share, other) == other.quantile(share, one) == filled(values[::-1]).quantile(share)


def test_of_too_many_bins_the_lowest_become_one() -> None:
    values = [1.02**i for i in range(-900, 900)]
    histogram = filled(values, 0.001)
    assert len(histogram._counts) == 512
    assert histogram.count == sum(histogram._counts.values()) == 1_800
    assert histogram.quantile(0.0) == histogram.quantile(0.0, filled(values[:900], 0.001))  # the lowest is the last one
    assert histogram.quantile(0.99) == pytest.approx(sorted(values)[int(0.99 * 1_799)], rel=0.001 + 1e-9)


def test_restored_it_goes_on_as_before() -> None:
    histogram, again = filled([1.0, 5.0, 7.0]), LogHistogram(0.02)
    again.restore(histogram.state())
    for one in (histogram, again):
        one.add(9.0)
    assert again.state() == histogram.state()


def test_nothing_has_no_quantile_and_an_accuracy_lies_between() -> None:
    assert LogHistogram(0.02).quantile(0.5) is None
    with pytest.raises(OperatorError, match=r"accuracy = 1.0: must be above 0 and below 1"):
        LogHistogram(1.0)
