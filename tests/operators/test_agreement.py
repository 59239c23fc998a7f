"""Bars that an exchange gives beside its trades."""

from typing import Any

import msgspec
import pytest

from operators.config import InstrumentConfig
from operators.instrument import Instrument
from schemas.market import ExchangeBar
from schemas.results import Gap
from schemas.time import MINUTE
from tests.operators.support import ID, START, beats, gaps, in_order, ns, run, trade

MADE = {"open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0, "volume": 4.0}
TRADES = [trade(at, price, 1.0) for at, price in ((61, 10.0), (70, 12.0), (80, 9.0), (119, 11.0))]
BEFORE = [trade(30, 10.0, 1.0)]  # so that bars are made of trades from here on


def given(at: float, **other: float) -> ExchangeBar:
    """The second minute, received at ``at``."""
    fields: dict[str, Any] = {**MADE, **other}
    return ExchangeBar(
        instrument_id=ID, ts_event=START + 2 * MINUTE, ts_received=ns(at), timeframe="1m", ts_open=START + MINUTE,
        **fields,
    )  # fmt: skip


def told(*bars: ExchangeBar, restart_at: int | None = None) -> list[Gap]:
    """What is said of ``bars`` in a stream of trades and heartbeats."""
    config, found = InstrumentConfig(), []
    instrument = Instrument(ID, config)
    for number, event in enumerate(in_order(BEFORE, TRADES, beats(0, 180), bars)):
        if number == restart_at:
            instrument = Instrument.restored(instrument.state(), config)
        found += gaps(run([event], instrument=instrument), "bar_differs")
    return found


@pytest.mark.parametrize("at", [120.1, 150])
def test_nothing_is_said_of_one_that_agrees(at: float) -> None:
    assert not told(given(at))


@pytest.mark.parametrize("at", [120.1, 150])
def test_one_that_differs_is_told_once_whether_it_comes_before_or_after_its_own_close(at: float) -> None:
    (gap,) = told(given(at, close=11.5, volume=4.25), given(at + 0.2, close=11.5, volume=4.25))
    assert gap.detail == "1m: close 11.5 given, 11 made of trades, volume 4.25 given, 4 made of trades"
    assert (gap.ts_start, gap.ts_end) == (START + MINUTE, START + 2 * MINUTE)


def test_a_restart_while_one_waits_changes_nothing() -> None:
    once = told(given(120.1, low=8.0))
    assert len(once) == 1
    for number in range(10, 700, 7):
        assert told(given(120.1, low=8.0), restart_at=number) == once


def test_sums_may_differ_in_the_last_digits() -> None:
    assert not told(given(120.1, volume=4.0 * (1 + 1e-12)))


def test_one_that_is_known_to_lack_trades_is_not_compared() -> None:
    lost = msgspec.structs.replace(TRADES[1], sequence=7, trade_id="7")
    first = msgspec.structs.replace(TRADES[0], sequence=1, trade_id="1")
    found = gaps(run(in_order(BEFORE, [first, lost], beats(0, 180), [given(120.1)])))
    assert {gap.kind for gap in found} == {"trade_sequence"}
