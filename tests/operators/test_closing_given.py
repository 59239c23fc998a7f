"""Bars that an exchange or a history gives."""

from importlib import import_module
from pkgutil import iter_modules

import msgspec
import pytest

from flows.feeds import recorded_feed, simulated_feed
from operators import indicators
from schemas.market import ExchangeBar, Heartbeat, Trade
from schemas.results import Bar, Vector
from schemas.time import MINUTE, TIMEFRAMES
from sources.simulator import LISTINGS, Simulator, SimulatorConfig
from tests.data import DATA, needs_data
from tests.operators.support import (
    ID,
    START,
    absences,
    bars,
    beats,
    exchange_bar,
    gaps,
    in_order,
    ns,
    quote,
    run,
    told,
    trade,
    vectors,
)

BAR_FEATURES = [
    feature.name
    for module in iter_modules(indicators.__path__)
    for measure in getattr(import_module(f"{indicators.__name__}.{module.name}"), "MEASURES", ())
    for feature in measure.features
    if set(feature.inputs) <= {"trades"}
]
SIDED = {"tfi", "taker_ratio", "cvd"}
"""Of what was bought and sold: a bar tells what was bought, the rest of its volume was sold, but for rounding."""


@pytest.mark.parametrize("market", ["made up", pytest.param("recorded", marks=needs_data)])
def test_a_tape_and_the_bars_made_from_it_give_the_same_bar_features(market: str) -> None:
    if market == "recorded":
        files = [DATA / "ws_raw/binance_2024-08-08" / "usdm_btcusdt_20240808.gz"]
        feed = recorded_feed([str(path) for path in files], "binanceusdm")
        events = [event for event in feed.items if isinstance(event, Trade | Heartbeat) and event.instrument_id == ID]
    else:
        config = SimulatorConfig(seed=3, start=START, duration=75 * MINUTE, instruments=LISTINGS[1:2])
        items = [
            msgspec.structs.replace(event, instrument_id=ID)
            for event in simulated_feed(Simulator(config)).items
            if isinstance(event, Trade | Heartbeat) and event.instrument_id == LISTINGS[1].instrument_id
        ]
        events = items
    taped = run(events)
    minutes = [bar for bar in bars(taped) if not bar.quality]
    given = [
        ExchangeBar(
            instrument_id=ID, ts_event=bar.ts_close, ts_received=bar.ts_decided, timeframe="1m", ts_open=bar.ts_open,
            open=bar.open, high=bar.high, low=bar.low, close=bar.close, volume=bar.volume, notional=bar.notional,
            trades=bar.trades, buy_volume=bar.buy_volume,
        )
        for bar in minutes
    ]  # fmt: skip
    again = run(given)
    compared = 0
    for timeframe in ("1m", "5m", "15m"):
        ours = {one.ts_close: one.features for one in vectors(taped, timeframe)}
        for vector in vectors(again, timeframe):
            for name in BAR_FEATURES:
                one, other = ours[vector.ts_close][name], vector.features[name]
                same = one == other if name not in SIDED or one is None else other == pytest.approx(one, rel=1e-9)
                assert same, (timeframe, name, one, other)
                compared += one is not None
    assert compared > (2_000 if market == "made up" else 50)


class TestBarsThatAreGiven:
    """Where an exchange or a history file gives bars, nothing else is needed to move time on."""

    def test_each_closes_itself_and_the_longer_ones(self) -> None:
        out = run([exchange_bar(60 * i, 100.0 + i) for i in range(1, 61)])
        assert [len(bars(out, timeframe)) for timeframe in TIMEFRAMES] == [60, 12, 4, 1, 0, 0]
        assert not gaps(out)
        assert {(bar.origin, *bar.quality) for bar in told(out, Bar)} == {("exchange",)}
        hour = bars(out, "1h")[0]
        assert (hour.open, hour.high, hour.low, hour.close, hour.volume, hour.trades) == (100, 161, 99, 160, 120, 180)
        assert vectors(out)[-1].features["ema_20"] is not None
        assert vectors(out)[-1].features["cvd"] == 0.0
        assert vectors(out)[-1].ts_decided == exchange_bar(3_600, 1.0).ts_received

    def test_longer_ones_alone(self) -> None:
        out = run([exchange_bar(300 * i, 100.0 + i, timeframe="5m") for i in range(1, 13)])
        assert [len(bars(out, timeframe)) for timeframe in TIMEFRAMES] == [0, 12, 4, 1, 0, 0]
        assert not absences(out)

    def test_repetitions_and_bars_of_the_past_change_nothing(self) -> None:
        given_bars = [exchange_bar(60 * i, 100.0 + i) for i in range(1, 31)]
        once = run(given_bars)
        assert run([bar for i, bar in enumerate(given_bars) for bar in (bar, given_bars[i // 2])]) == once

    def test_a_longer_one_over_shorter_ones_is_known_already(self) -> None:
        minutes = [exchange_bar(60 * i, 100.0 + i) for i in range(1, 21)]
        fives = {i: exchange_bar(60 * i, 100.0, timeframe="5m", volume=99.0) for i in (5, 10, 15, 20)}
        both = [event for i, bar in enumerate(minutes, 1) for event in (fives.get(i), bar) if event is not None]
        out = run(both)
        assert [bar.volume for bar in bars(out, "15m")] == [30.0]

    def test_a_hole_is_a_silence(self) -> None:
        out = run([exchange_bar(60 * i, 100.0) for i in range(1, 31) if not 11 <= i <= 13])
        (gap,) = gaps(out)
        assert (gap.kind, gap.ts_start, gap.ts_end) == ("disconnected", ns(600), ns(780))
        assert [gone.ts_close for gone in absences(out)] == [ns(660), ns(720), ns(780)]
        assert [bar.quality for bar in bars(out, "15m")] == [["gap"], []]
        assert "nobody listened" in vectors(out)[10].tainted["ema_20"]

    def test_a_hole_of_months_is_told_shortly(self) -> None:
        out = run([exchange_bar(60, 100.0), *[exchange_bar(86_400 * 90 + i * 60, 100.0) for i in (60, 61)]])
        assert len(absences(out)) < 2 * 1_440
        assert bars(out)[-1].ts_close == ns(86_400 * 90 + 3_660)

    def test_from_history_to_trades_without_a_seam(self) -> None:
        history = [exchange_bar(60 * i, 100.0 + i % 3) for i in range(1, 61)]
        live = in_order(beats(3_600.25, 3_800), [trade(3_610, 150.0), trade(3_700, 151.0)])
        out = run([*history, *live, exchange_bar(3_840, 1.0)])
        assert not gaps(out)
        assert [(bar.close, bar.origin, bar.quality) for bar in bars(out)[-4:]] == [
            (100.0, "exchange", []), (150.0, "trades", []), (151.0, "trades", []), (151.0, "trades", ["empty"]),
        ]  # fmt: skip
        assert not told(out, Vector)[-1].tainted
        assert len(bars(out)) == 63  # what the exchange gives no longer counts

    @pytest.mark.parametrize("at", [-5_000, 1_000, 3_599, 3_600])
    def test_trades_that_come_before_the_history_change_nothing(self, at: int) -> None:
        history = [exchange_bar(60 * i, 100.0 + i % 3) for i in range(1, 61)]
        early = [trade(at, 150.0, number=7), trade(at, 151.0, number=9)]
        live = in_order(beats(3_600.25, 3_800), [trade(3_700, 151.0, number=10)])
        out, usual = run([*early, *history, *live]), run([*history, *early, *live])
        assert [(gap.kind, gap.count) for gap in gaps(out)] == [("too_late", 2)] * (at < 0) + [
            ("trade_sequence", 1)
        ] * (at == 3_600)
        assert told(out, Vector) == told(usual, Vector)
        assert len(bars(out)) == 62 + (at == 3_600)

    def test_a_trade_of_their_time_is_in_them_already(self) -> None:
        history = [exchange_bar(60 * i, 100.0) for i in range(1, 63)]
        live = in_order(beats(3_720.25, 4_000), [trade(3_730, 150.0)])
        again = [trade(3_650, 999.0, trade_id="x"), trade(100, 999.0, trade_id="y")]
        assert run([*history, *live[:200], *again, *live[200:]]) == run([*history, *live])

    def test_one_that_comes_after_its_close_was_passed_is_counted(self) -> None:
        out = run([exchange_bar(60, 100.0), *beats(61, 190), exchange_bar(120, 100.0), *beats(191, 250)])
        assert [(gap.kind, gap.count) for gap in gaps(out)] == [("too_late", 1)]
        assert [gone.ts_close for gone in absences(out)] == [ns(120), ns(180), ns(240)]

    def test_best_quotes_are_put_into_it(self) -> None:
        out = run([*in_order(beats(0, 59.75), [quote(10, 9.0, 12.0), quote(59.5, 8.0, 11.0)]), exchange_bar(60, 10.0)])
        (bar,) = bars(out)
        assert (bar.bid_first, bar.bid_last, bar.ask_last, bar.origin) == (9.0, 8.0, 11.0, "exchange")
        assert vectors(out)[0].bid == 8.0
