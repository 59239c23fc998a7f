"""Large trades beside their plain definition: all trades, sorted."""

from math import ceil, log

import pytest

from operators.flow.large import LargeTrades
from operators.microstructure import BufferedTrade
from schemas.market import Side
from schemas.time import HOUR, MINUTE
from tests.data import needs_data
from tests.operators.flow.support import TAPES, inside, recorded

NAMES = ("large_trades", "large_trade_share", "large_trade_imbalance", "large_trade_from")


def threshold(notionals: list[float]) -> float | None:
    """The middle, relatively, of the bin of 2 % that the exact quantile lies in."""
    if len(notionals) < 1_000:
        return None
    growth = 1.02 / 0.98
    exact = sorted(notionals)[int(0.99 * (len(notionals) - 1))]
    return 2 * growth ** ceil(log(exact) / log(growth)) / (growth + 1)


def sold(ts: int, size: float, side: Side | None = "sell", price: float = 1.0) -> BufferedTrade:
    return ts, 0, 0, price, size, side, None


@needs_data
@pytest.mark.parametrize("name", TAPES)
def test_on_real_tapes(name: str) -> None:
    tape = recorded(name)
    known = 0
    for vector in tape.vectors:
        begin, end = inside(vector)
        judged = [
            (event.price * event.size, event.aggressor_side, limit)
            for minute in range(begin, end, MINUTE)
            for limit in [
                threshold(
                    [
                        event.price * event.size
                        for event in tape.trades
                        if minute // HOUR * HOUR - HOUR <= event.ts_event < minute
                    ]
                )
            ]
            for event in tape.trades
            if minute <= event.ts_event < minute + MINUTE
        ]
        reach = end // HOUR * HOUR - HOUR
        wanted: list[float | None] = [None, None, None]
        if all(limit is not None for _, _, limit in judged):
            large = [(notional, side) for notional, side, limit in judged if limit is not None and notional >= limit]
            bought, sold = (sum(x for x, side in large if side == name) for name in ("buy", "sell"))
            wanted = [
                len(large),
                sum(x for x, _ in large) / sum(x for x, _, _ in judged),
                (bought - sold) / (bought + sold) if large else None,
            ]
            known += 1
        wanted.append(threshold([e.price * e.size for e in tape.trades if reach <= e.ts_event < end]))
        for found, right in zip((vector.features[name] for name in NAMES), wanted, strict=True):
            assert found == (None if right is None else pytest.approx(right, rel=1e-9))
    assert known >= 3


def test_two_hours_count_and_no_trade_is_judged_by_what_came_after_it() -> None:
    meter = LargeTrades()
    meter.update([sold(i, 1.0) for i in range(1_500)])
    told = [meter.take(HOUR)]
    meter.update([sold(HOUR + i, 9.0, "buy") for i in range(1_500)])
    told += [meter.take(end) for end in (HOUR + MINUTE, 2 * HOUR, 3 * HOUR)]
    assert [None if part is None else part[:-1] for part in told] == [
        (0, 0.0, 0, 0.0, 0.0, 0.0), (1_500, 13_500.0, 1_500, 13_500.0, 13_500.0, 0.0), (0, 0.0, 0, 0.0, 0.0, 0.0), None,
    ]  # fmt: skip
    assert [part.threshold for part in told if part] == pytest.approx([1.0, 9.0, 9.0], rel=0.021)


def test_an_hour_that_nobody_listened_to_is_not_the_one_before() -> None:
    meter = LargeTrades()
    meter.update([sold(i, 1.0) for i in range(1_500)])
    assert [meter.take(end) is None for end in (MINUTE, HOUR, 2 * HOUR + MINUTE)] == [False, False, True]
    assert meter.threshold is None


def test_restored_it_goes_on_as_before() -> None:
    meter, again = LargeTrades(), LargeTrades()
    meter.update([sold(i, 1.0 + i % 90) for i in range(1_500)])
    meter.take(MINUTE)
    meter.update([sold(MINUTE, 80.0), sold(MINUTE, 0.0), sold(MINUTE, 89.5, None)])
    again.restore(meter.state())
    for one in (meter, again):
        one.update([sold(MINUTE + 5, 95.0, "buy")])
    assert again.take(2 * MINUTE) == meter.take(2 * MINUTE)
    assert again.state() == meter.state()
