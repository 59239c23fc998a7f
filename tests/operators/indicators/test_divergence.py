"""Divergence beside TA-Lib's index and a look at all swings before."""

from itertools import pairwise

import numpy as np
import talib

from operators.indicators.divergence import Divergence
from operators.indicators.swings import REACH
from tests.operators.indicators.support import walked_bars
from tests.operators.indicators.test_swings import plain

APART = AGES = 60


def test_as_defined() -> None:
    bars = walked_bars(12, 3_000)
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
    assert [one[0] for one in ours] == regular
    assert [one[2] for one in ours] == hidden
    for place, told in ((1, regular), (3, hidden)):
        for i in range(len(bars)):
            lately = [sign for sign in told[max(0, i - AGES + 1) : i + 1] if sign]
            assert ours[i][place] == (lately[-1] if lately else 0.0)
    assert {-1.0, 0.0, 1.0} <= set(regular)
    assert {-1.0, 0.0, 1.0} <= set(hidden)
