"""Divergence beside TA-Lib's index and a look at all swings before."""

from collections import Counter
from itertools import pairwise

import msgspec
import numpy as np
import pytest
import talib

from operators.bars import OpenBar
from operators.closed import Closed
from operators.indicators.divergence import Divergence
from operators.indicators.swings import REACH
from schemas.market import ExchangeBar
from schemas.time import SECOND, TIMEFRAMES, Timeframe
from schemas.topics import Outgoing
from tests.operators.indicators.support import REAL, bars_of, walked_bars
from tests.operators.indicators.test_swings import plain
from tests.operators.support import START, bars, exchange_bar, run, vectors

APART = AGES = 60


def test_as_defined() -> None:
    regular, hidden = check(walked_bars(12, 3_000))
    assert {-1.0, 0.0, 1.0} <= regular
    assert {-1.0, 0.0, 1.0} <= hidden


@pytest.mark.parametrize(("symbol", "skip"), REAL)
def test_as_defined_on_real_bars(symbol: str, skip: int) -> None:
    check(bars_of(symbol, skip))


def check(bars: list[OpenBar]) -> tuple[set[float], set[float]]:
    highs, lows = [bar.high for bar in bars], [bar.low for bar in bars]
    rsi = talib.RSI(np.array([bar.close for bar in bars]), 14)
    divergence = Divergence()
    ours = [divergence.update(bar.high, bar.low, bar.close) for bar in bars]
    mirrored = [-low for low in lows]
    tops = [i for i in range(len(bars)) if plain(highs, i, REACH) and not np.isnan(rsi[i])]
    bottoms = [i for i in range(len(bars)) if plain(mirrored, i, REACH) and not np.isnan(rsi[i])]
    regular, hidden = [0.0] * len(bars), [0.0] * len(bars)
    for before, i in pairwise(tops):
        if i - before <= APART:
            regular[i + REACH] -= highs[i] > highs[before] and rsi[i] < rsi[before]
            hidden[i + REACH] -= highs[i] < highs[before] and rsi[i] > rsi[before]
    for before, i in pairwise(bottoms):
        if i - before <= APART:
            regular[i + REACH] += lows[i] < lows[before] and rsi[i] > rsi[before]
            hidden[i + REACH] += lows[i] > lows[before] and rsi[i] < rsi[before]
    first = 14 + REACH + APART  # the bar at which a swing that is not known would be too far away
    assert ours[:first] == [(None,) * 4] * first
    assert [one[0] for one in ours[first:]] == regular[first:]
    assert [one[2] for one in ours[first:]] == hidden[first:]
    for place, told in ((1, regular), (3, hidden)):
        for i in range(first, len(bars)):
            lately = [sign for sign in told[max(first, i - AGES + 1) : i + 1] if sign]
            unknown = None if i < first + AGES - 1 else 0.0
            assert ours[i][place] == (lately[-1] if lately else unknown)
    return set(regular), set(hidden)


def given(minutes: list[OpenBar]) -> list[ExchangeBar]:
    return [
        msgspec.structs.replace(
            exchange_bar((bar.ts_open - START) / SECOND + 60, 1.0),
            open=bar.open, high=bar.high, low=bar.low, close=bar.close, notional=None,
        )
        for bar in minutes
    ]  # fmt: skip


MINUTES = given(walked_bars(12, 4_000))
OUT = run(MINUTES)


@pytest.mark.parametrize(("shorter", "longer"), list(pairwise(TIMEFRAMES[:4])))
def test_two_timeframes_agree_at_the_closes_of_both(shorter: Timeframe, longer: Timeframe) -> None:
    """Each side held against a run of its own over the bars that were written."""
    lately: dict[Timeframe, dict[int, tuple[float | None, ...]]] = {}
    for timeframe in (shorter, longer):
        divergence = Divergence()
        lately[timeframe] = {
            bar.ts_close: divergence.update(bar.high, bar.low, bar.close) for bar in bars(OUT, timeframe)
        }
    agreed: Counter[float | None] = Counter()
    for vector in vectors(OUT, longer):
        for name, at in (("rsi_divergence_agreed", 1), ("rsi_hidden_divergence_agreed", 3)):
            mine, other = (lately[timeframe][vector.ts_close][at] for timeframe in (longer, shorter))
            found = vector.features[name]
            assert found == (None if mine is None or other is None else mine if mine == other else 0.0)
            agreed[found] += 1
    assert agreed.keys() == {"5m": {None, -1.0, 0.0, 1.0}, "15m": {None, -1.0, 0.0, 1.0}, "1h": {None}}[longer]


def test_there_is_nothing_to_agree_with_on_the_shortest_or_where_the_shorter_is_missing() -> None:
    assert {vector.features["rsi_divergence_agreed"] for vector in vectors(OUT)} == {None}
    fives = run([exchange_bar(300 * i, 100.0 + i, timeframe="5m") for i in range(1, 241)])
    assert {vector.features["rsi_divergence_agreed"] for vector in vectors(fives, "5m")} == {None}
    assert {vector.features["rsi_divergence_agreed"] for vector in vectors(fives, "15m")} == {None}  # 80 bars


def test_agreement_is_not_told_before_both_are_confirmed() -> None:
    """What comes later changes nothing of it."""
    cut = len(MINUTES) // 2
    other = [
        msgspec.structs.replace(bar, high=bar.high + 5.0, low=bar.low / 2, close=(bar.high + bar.low) / 2)
        for bar in MINUTES[cut:]
    ]
    changed = run([*MINUTES[:cut], *other])
    until = MINUTES[cut - 1].ts_event

    def agreed(out: list[Outgoing | Closed]) -> list[float | None]:
        return [v.features["rsi_divergence_agreed"] for v in vectors(out, "5m") if v.ts_close <= until]

    assert agreed(changed) == agreed(OUT)
    assert len(agreed(OUT)) == cut // 5
