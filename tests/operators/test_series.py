"""The bars of one timeframe, one after the other."""

import msgspec
import pytest

from operators.bars import OpenBar
from operators.series import BarSeries
from schemas.layouts import LayoutError
from schemas.time import MINUTE
from tests.operators.support import START


def minute(i: int, price: float = 10.0) -> OpenBar:
    """The closed first trade of minute ``i``."""
    bar = OpenBar(START + i * MINUTE)
    bar.trade((bar.ts_open, 0), price, 1.0, "buy")
    return bar


def five(*minutes: int) -> BarSeries:
    series = BarSeries("5m")
    for i in minutes:
        series.absorb(minute(i), MINUTE)
    return series


def close(series: BarSeries, i: int) -> OpenBar:
    bar = series.close(START + i * MINUTE)
    assert bar is not None
    return bar


def test_a_whole_bar_is_clean() -> None:
    assert close(five(0, 1, 2, 3, 4), 5).quality == []


def test_the_first_bar_ever_is_partial_if_it_began_earlier() -> None:
    series = five(2, 3, 4)
    assert close(series, 5).quality == ["partial"]
    for i in range(5, 10):
        series.absorb(minute(i), MINUTE)
    assert close(series, 10).quality == []


@pytest.mark.parametrize("missing", [0, 2, 4])
def test_a_missing_part_is_a_gap(missing: int) -> None:
    series = five(0, 1, 2, 3, 4)
    close(series, 5)
    for i in range(5, 10):
        if i - 5 != missing:
            series.absorb(minute(i), MINUTE)
    assert close(series, 10).quality == ["gap"]


def test_without_parts_there_is_no_bar() -> None:
    series = five(0, 1, 2, 3, 4)
    close(series, 5)
    assert series.close(START + 10 * MINUTE) is None


def test_without_a_trade_it_stands_at_the_last_price_if_there_is_one() -> None:
    series = BarSeries("1m")
    series.current(START)
    assert series.close(START + MINUTE) is None
    series.current(START + MINUTE).trade((START + MINUTE, 0), 7.0, 1.0, None)
    close(series, 2)
    series.current(START + 2 * MINUTE)
    empty = close(series, 3)
    assert (empty.close, empty.quality) == (7.0, ["empty"])
    series.current(START + 3 * MINUTE)
    series.drop()
    assert series.bar is None
    series.current(START + 4 * MINUTE)
    assert series.close(START + 5 * MINUTE) is None


def test_a_late_trade_makes_a_revision_and_leaves_the_last_price_alone() -> None:
    series = BarSeries("1m")
    series.current(START).trade((START, 5), 7.0, 1.0, None)
    bar = close(series, 1)
    assert series.late((START + 1, 6), 9.0, 2.0, "sell")
    assert series.late((START, 4), 6.0, 1.0, "buy")
    assert series.revisions() == [bar]
    assert (bar.revision, bar.open, bar.high, bar.low, bar.close, bar.trades) == (1, 6.0, 9.0, 6.0, 9.0, 3)
    assert bar.quality == ["late"]
    assert series.last_close == 7.0
    assert series.revisions() == []
    series.late((START + 2, 7), 8.0, 1.0, None)
    assert [(one.revision, one.close, one.quality) for one in series.revisions()] == [(2, 8.0, ["late"])]


def test_a_late_trade_ends_emptiness() -> None:
    series = BarSeries("1m")
    series.current(START).trade((START, 0), 7.0, 1.0, None)
    close(series, 1)
    series.current(START + MINUTE)
    close(series, 2)
    series.late((START + MINUTE, 1), 9.0, 1.0, None)
    (bar,) = series.revisions()
    assert (bar.open, bar.low, bar.close, bar.quality) == (9.0, 9.0, 9.0, ["late"])


def test_a_trade_late_for_a_part_of_the_open_bar_waits_for_its_first_revision() -> None:
    series = five(0, 1)
    assert series.late((START + 1, 0), 99.0, 3.0, "sell")
    assert series.revisions() == []
    for i in (2, 3, 4):
        series.absorb(minute(i), MINUTE)
    bar = close(series, 5)
    assert (bar.high, bar.volume, bar.revision) == (10.0, 5.0, 0)
    assert series.revisions() == [bar]
    assert (bar.high, bar.volume, bar.sell_volume, bar.trades, bar.revision) == (99.0, 8.0, 3.0, 6, 1)


def test_what_waits_for_the_open_bar_takes_no_more_memory_than_a_bar() -> None:
    series = five(0)
    sizes = set()
    for i in range(100, 400):
        series.late((START + i, i), 1.0 + i, 1.0, None)
        sizes.add(len(msgspec.msgpack.encode(series.state())))
    assert max(sizes) - min(sizes) < 20


def test_a_trade_of_a_bar_no_longer_kept_is_told_so() -> None:
    series = BarSeries("1m")
    for i in range(70):
        series.current(START + i * MINUTE).trade((START + i * MINUTE, i), 7.0, 1.0, None)
        close(series, i + 1)
    kept = [series.late((START + i * MINUTE, 99), 7.0, 1.0, None) for i in range(70)]
    assert kept == [False] * 10 + [True] * 60


def test_restored_anywhere_it_goes_on_as_before() -> None:
    def steps(series: BarSeries, i: int) -> list[object]:
        out: list[object] = []
        if i % 5 == 0 and i:
            closed = series.close(START + i * MINUTE)
            out = [None if closed is None else closed.state(), [bar.state() for bar in series.revisions()]]
        if i % 7:
            series.absorb(minute(i, 10.0 + i % 4), MINUTE)
        if i % 3 == 0:
            out.append(series.late((START + max(0, i - 6) * MINUTE, i), 5.0, 1.0, "buy"))
        return out

    for cut in range(1, 30):
        series, again = BarSeries("5m"), BarSeries("5m")
        for i in range(cut):
            steps(series, i)
            series.state()  # asking changes nothing, nor what is told when asked again
        again.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(series.state())))
        for i in range(cut, 40):
            assert steps(again, i) == steps(series, i)


def test_the_state_of_another_version_is_refused() -> None:
    series = BarSeries("5m")
    with pytest.raises(LayoutError, match="version 7, newer than 1"):
        series.restore([7, *series.state()[1:]])
