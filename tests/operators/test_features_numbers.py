"""Vectors of any market that the edge lets in: nothing is divided by zero, and every number is finite and in range."""

from math import exp, isfinite
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.bars import OpenBar
from operators.feature import Moment, Ratios, span_on
from operators.features import CATALOGUE, FeatureSet
from schemas.time import HOUR, TIMEFRAME_NS, Timeframe
from tests.operators.support import START

LEAST, MOST = 1e-18, 9.9e14
"""Of a price; a size may be as small."""
RANGES = [(feature.name, feature.low, feature.high) for feature in CATALOGUE]
KINDS = ["walk", "empty", "flat", "leap", "dust"]


def bar_of(draw: Random, kind: str, ts_open: int, before: float) -> OpenBar:
    """The next bar after a close at ``before``."""

    def near(price: float) -> float:
        return min(max(price * exp(draw.gauss(0.0, 0.01)), LEAST), MOST)

    bar, price = OpenBar(ts_open), before
    if kind == "empty":
        bar.empty(price)
        return bar
    if kind == "leap":
        price = draw.choice((LEAST, 1e-8, 1.0, MOST))
    moved = [price] * 4 if kind == "flat" else [near(price) for _ in range(4)]
    bar.open, bar.close, bar.high, bar.low = moved[0], moved[1], max(moved), min(moved)
    bar.volume = LEAST if kind == "dust" else draw.choice((LEAST, draw.random() + 0.1, 1e6, 1e17))
    bar.trades, bar.notional = 3, bar.volume * bar.close
    bar.buy_volume = bar.volume * draw.choice((0.0, 1.0, draw.random()))
    bar.sell_volume = bar.volume - bar.buy_volume
    return bar


def moment_of(draw: Random, kind: str, ts: int, price: float, forced: list[float]) -> Moment:
    if draw.random() < 0.3 and kind != "flat":
        forced[0] += 1
        forced[1] += draw.choice((LEAST * LEAST, 1.0, 1e6, 1e33))
    rate, ratio = draw.choice((0.0, 1e-4, -0.99)), draw.choice((0.0, 1.5, 9e8))
    return Moment(
        funding_rate=rate, funding_interval=8 * HOUR, funding_settled=rate, mark_price=price,
        open_interest=1e6 if kind == "flat" else draw.choice((0.0, LEAST, 1e6, 1e20)),
        basis_bps=draw.choice((0.0, 3.0, 1e30)), ratios=Ratios(ratio, ratio, ratio, ratio, ts),
        spread_bps=draw.choice((None, 0.0, 1.0)), forced=(int(forced[0]), forced[1], int(forced[0]), forced[1]),
    )  # fmt: skip


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("timeframe", ["1m", "4h"])
@settings(max_examples=15)
@given(st.lists(st.tuples(st.sampled_from(KINDS), st.integers(1, 45)), min_size=2, max_size=6), st.integers(0, 2**32))
def test_no_market_makes_a_vector_fail(
    native: bool, timeframe: Timeframe, parts: list[tuple[str, int]], seed: int
) -> None:
    draw, features = Random(seed), FeatureSet(timeframe, native=native)  # noqa: S311, a market
    at, price, forced = START, draw.choice((LEAST, 1e-8, 1.0, 6e4)), [0, 0.0]
    for kind in [kind for kind, count in parts for _ in range(count)]:
        bar = bar_of(draw, kind, at, price)
        at, price = at + TIMEFRAME_NS[timeframe], bar.close
        vector = features.update(bar, moment_of(draw, kind, at, price, forced))
        for name, low, high in RANGES:
            value = vector[name]
            if value is not None:
                assert isfinite(value), name
                assert low is None or value >= low - 1e-9, name
                assert high is None or value <= high + 1e-9, name


def test_a_start_at_any_bar_tells_the_same_of_windows_to_the_bit() -> None:
    """During a lull after a walk, and behind it: what the windows held before is told nowhere."""
    draw, price, bars = Random(3), 100.0, list[OpenBar]()  # noqa: S311, a market
    for at, kind in enumerate([*["walk"] * 110, *["empty"] * 64, *["walk"] * 3]):
        bars.append(bar_of(draw, kind, START + at * TIMEFRAME_NS["4h"], price))
        price = bars[-1].close
    spans = {feature.name: span_on(feature.warm_up, "4h") for feature in CATALOGUE}
    names = [name for name, span in spans.items() if isinstance(span, int) and 20 <= span <= 61]
    assert {"bb_percent_b", "vwap_20", "return_1_z", "realised_volatility_60", "cascade"} <= set(names)
    told = set()
    for begin in range(0, 42, 2):
        features = FeatureSet("4h")
        vectors = [features.update(bar, Moment(open_interest=1e6, forced=(1, 1.0, 1, 1.0))) for bar in bars[begin:]]
        told.add(tuple(tuple(vector[name] for name in names) for vector in vectors[-70:]))
    assert len(told) == 1
