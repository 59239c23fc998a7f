"""Bars of every length are told what their minutes were."""

from itertools import pairwise

import pytest

from schemas.results import Vector
from schemas.time import MINUTE, TIMEFRAME_NS, Timeframe
from tests.operators.support import beats, delta, in_order, quote, run, snapshot, trade, vectors


@pytest.fixture(scope="module")
def told() -> dict[Timeframe, list[Vector]]:
    """Two hours and some, in which each minute is another."""
    bids, asks = [(100.0 - i, 3.0) for i in range(12)], [(101.0 + i, 2.0) for i in range(12)]
    begin = [snapshot(0, bids, asks, sequence=0)]
    deltas = [delta(i * 4.7, [(100.0, 1.0 + i * i % 7)], first=i, last=i) for i in range(1, 1_560)]
    quotes = [
        quote(i * 3.3, 99.0 + i * i % 5 / 10, 100.0 + i % 7, (1.0 + i % 3, 2.0), number=i + 1) for i in range(2_220)
    ]
    trades = [trade(i * i % 73 / 73 + i * 5.1, 100.0 + i % 3, 1.0 + i % 4, number=i + 1) for i in range(1_430)]
    out = run(in_order(begin, deltas, quotes, trades, beats(0, 7_300, 5)))
    names: tuple[Timeframe, ...] = ("1m", "5m", "15m", "1h")
    return {name: vectors(out, name) for name in names}


@pytest.mark.parametrize(("shorter", "longer"), list(pairwise(("1m", "5m", "15m", "1h"))))
def test_a_longer_bar_is_the_shorter_ones_together(
    told: dict[Timeframe, list[Vector]], shorter: Timeframe, longer: Timeframe
) -> None:
    compared = 0
    for vector in told[longer]:
        begin, whole = vector.ts_close - TIMEFRAME_NS[longer], vector.features
        parts = [part.features for part in told[shorter] if begin < part.ts_close <= vector.ts_close]
        if any(None in (part["spread_mean"], part["mlofi_1"]) for part in parts):
            continue  # before the first quote, and before the first decision

        def values(name: str, parts: list[dict[str, float | None]] = parts) -> list[float]:
            return [value for part in parts if (value := part[name]) is not None]

        for name in ("ofi", "mlofi_1", "mlofi_5", "sweeps"):
            assert whole[name] == pytest.approx(sum(values(name)))
        for name in ("spread_mean", "spread_bps_mean", "obi_10_mean", "trade_rate", "trade_seconds"):
            assert whole[name] == pytest.approx(sum(values(name)) / len(parts)), name
        for name in ("spread_min", "spread_bps_min", "obi_10_min"):
            assert whole[name] == min(values(name))
        for name in ("spread_max", "spread_bps_max", "obi_10_max", "trade_rate_max"):
            assert whole[name] == max(values(name))
        assert whole["seconds_since_trade"] == parts[-1]["seconds_since_trade"]
        compared += 1
    assert compared >= 1
    assert len(told["1m"]) == 7_260 * 1_000_000_000 // MINUTE
