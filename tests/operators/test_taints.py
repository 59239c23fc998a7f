"""How long a loss taints what."""

from math import inf
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.bars import OpenBar
from operators.feature import Input, Moment, Told
from operators.features import CATALOGUE, NAMES, FeatureSet
from operators.taints import Taints
from schemas.time import DAY, HOUR, MINUTE, SECOND, TIMEFRAME_NS, TIMEFRAMES, Timeframe
from tests.operators.indicators.support import walked_bars
from tests.operators.support import START


def test_each_feature_is_tainted_as_long_as_it_remembers() -> None:
    taints = Taints()
    taints.mark("trades", START + 90 * MINUTE // 60, "a hole")  # 1.5 minutes in
    clean_from: dict[str, int] = {}
    for i in range(1, 1_600):
        tainted = taints.of("1m", START + i * MINUTE)
        if i == 1:
            assert set(tainted.values()) == {"a hole"}
        for feature in CATALOGUE:
            if feature.name not in tainted:
                clean_from.setdefault(feature.name, i)
    remembers = {name: first for name, first in clean_from.items() if first > 1}
    expected = {
        "tfi": 3, "ema_20": 49, "ema_50": 118, "rsi_14": 65, "atr_14": 65, "vwap": 1_441, "cvd": 1_441, "sma_50": 52,
    }  # fmt: skip
    assert {name: remembers.get(name) for name in expected} == expected
    assert "return_1_z" not in clean_from  # until the end of the next day


def test_less_than_a_hundredth_of_an_average_is_older_than_its_memory() -> None:
    memories = {feature.name: feature.memory for feature in CATALOGUE}
    for name, alpha in (("ema_20", 2 / 21), ("ema_50", 2 / 51), ("rsi_14", 1 / 14), ("atr_14", 1 / 14)):
        bars = memories[name]
        assert isinstance(bars, int)
        assert (1 - alpha) ** bars <= 0.01 < (1 - alpha) ** (bars - 1)


def test_a_session_ends_with_its_day() -> None:
    taints = Taints()
    taints.mark("trades", START + 5, "x")
    assert "vwap" in taints.of("1d", START + DAY)
    assert "vwap" not in taints.of("1m", START + DAY + MINUTE)


def test_hours_and_sessions_end_with_themselves() -> None:
    taints, lost = Taints(), START + 9 * HOUR + 30 * MINUTE
    taints.mark("trades", lost, "x")

    def last(name: str, timeframe: Timeframe) -> int:
        """The last close at which it is tainted, ns after `START`."""
        length = TIMEFRAME_NS[timeframe]
        begin = lost - lost % length + length
        closes = range(begin, begin + 4 * DAY, length)
        return max(close for close in closes if name in taints.of(timeframe, close)) - START

    assert (last("large_trades", "1m"), last("large_trades", "1h")) == (11 * HOUR, 11 * HOUR)
    assert last("large_trades", "4h") == 12 * HOUR
    assert (last("vwap", "1m"), last("return_1_z", "1m"), last("vpin", "1m")) == (DAY, 2 * DAY, 3 * DAY)
    assert (last("return_1_z", "1h"), last("return_1_z", "4h")) == (2 * DAY, 4 * DAY)  # two sessions; 22 bars


def test_inputs_taint_what_is_made_of_them() -> None:
    taints = Taints()
    taints.mark("quotes", START + 2, "q")
    assert set(taints.of("1m", START)) >= {"spread", "microprice", "ofi"}
    assert {"ofi", "spread_mean"} <= set(taints.of("1m", START + MINUTE))
    assert "spread" not in taints.of("1m", START + MINUTE)
    taints = Taints()
    taints.mark("book", START + 2, "b")
    assert set(taints.of("1m", START)) == {feature.name for feature in CATALOGUE if "book" in feature.inputs}
    taints.mark("derivatives", START + 3, "d")
    assert {"funding_rate", "basis_bps"} <= set(taints.of("1m", START))


def test_the_latest_loss_counts() -> None:
    taints = Taints()
    taints.mark("quotes", START + 9, "later")
    taints.mark("quotes", START + 5, "earlier")
    assert taints.of("1m", START + MINUTE)["ofi"] == "later"


@given(
    st.dictionaries(st.sampled_from(get_args(Input)), st.integers(-4 * DAY // SECOND, DAY // SECOND)),
    st.sampled_from(TIMEFRAMES), st.integers(0, 3),
)  # fmt: skip
def test_of_several_inputs_the_last_one_in_their_order_is_told(
    losses: dict[Input, int], timeframe: Timeframe, number: int
) -> None:
    ts_close = START + 2 * DAY + number * TIMEFRAME_NS[timeframe]
    all_of_them, expected = Taints(), dict[str, str]()
    for source in (one for one in get_args(Input) if one in losses):
        alone = Taints()
        for taints in (alone, all_of_them):
            taints.mark(source, ts_close + losses[source] * SECOND, source)
        expected |= alone.of(timeframe, ts_close)
    told = all_of_them.of(timeframe, ts_close)
    assert list(told.items()) == [(name, expected[name]) for name in NAMES if name in expected]


def test_restored() -> None:
    taints, again = Taints(), Taints()
    taints.mark("quotes", START + 9, "later")
    again.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(taints.state())))
    assert again.of("1m", START) == taints.of("1m", START) != {}


_EXPONENTIAL = {
    feature.name for feature in CATALOGUE
    if isinstance(feature.memory, int) and isinstance(feature.warm_up, int) and feature.memory < feature.warm_up
}  # fmt: skip
"""Their memory ends while up to a hundredth of the loss is left in them."""


@pytest.mark.parametrize("timeframe", ["5m", "1h", "4h"])
@pytest.mark.parametrize("lost", [150, 167])  # the second one on 1h and 4h the last bar of a day
def test_what_a_wrong_bar_may_have_changed_is_tainted(timeframe: Timeframe, lost: int) -> None:
    length, bars = TIMEFRAME_NS[timeframe], walked_bars(lost, 900, timeframe)
    wrong, (bad, taints) = [*bars], (OpenBar(bars[lost].ts_open), Taints())
    price = bars[lost].open * 1.03
    bad.open, bad.high, bad.low, bad.close = price, price * 1.01, price * 0.99, price
    bad.volume, bad.buy_volume, bad.sell_volume, bad.notional, bad.trades = 50.0, 40.0, 10.0, 50.0 * price, 9
    wrong[lost] = bad
    taints.mark("trades", bad.ts_open + length // 2, "x")
    right, known = FeatureSet(timeframe), FeatureSet(timeframe)
    most = dict.fromkeys(NAMES, 0.0)
    for at, (one, other) in enumerate(zip(bars, wrong, strict=True)):
        was, is_now = right.update(one, moment(at)), known.update(other, moment(at))
        tainted = taints.of(timeframe, one.ts_open + length) if at >= lost else {}
        for name, value in is_now.items():
            wanted = was[name]
            if value == wanted:
                continue
            off = inf if value is None or wanted is None else abs(value - wanted)
            if name in tainted:
                most[name] = max(most[name], off)
            else:
                assert off <= (0.1 * most[name] if name in _EXPONENTIAL else 1e-9 * max(abs(value or 0.0), 1e-3)), name
    assert sum(off > 0.0 for off in most.values()) > 50


def moment(at: int) -> Moment:
    """Of the ``at``th close: open interest rises, and liquidations come now and then."""
    interest, told = 1e6 * 1.001 ** (at % 97), Told(open_interest=at + 1)
    return Moment(open_interest=interest, told=told, forced=(at // 7, at // 7 * 9.0, at // 5, at // 5 * 8.0))
