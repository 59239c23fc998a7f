"""Estimated liquidation levels, sampled from a feed; the truth of a simulation beside them."""

from math import exp, isnan, log
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from flows.cli.application import application
from flows.errors import FlowError
from flows.feeds import Entry
from flows.heatmap import watched
from operators.liquidation_map import LiquidationMap
from schemas.market import ExchangeBar, Liquidation, MarkPrice, OpenInterest
from schemas.time import MINUTE, SECOND
from tests.data import DATA, needs_data
from tests.operators.support import ID, START

BARS = DATA / "bars_nolicense/binance_um_5m_2023-01_2024-05"


def common(at: float) -> dict[str, Any]:
    ts = START + round(at * SECOND)
    return {"instrument_id": ID, "ts_event": ts, "ts_received": ts}


def mark(at: float, price: float) -> MarkPrice:
    return msgspec.convert({**common(at), "price": price}, MarkPrice)


def interest(at: float, amount: float) -> OpenInterest:
    return msgspec.convert({**common(at), "open_interest": amount}, OpenInterest)


def test_a_sample_knows_what_was_told_before_its_close_and_nothing_later() -> None:
    feed: list[Entry] = [
        mark(1, 100.0), interest(2, 0.0), interest(3, 50.0), mark(100, 101.0), mark(299, 99.0),
        Liquidation(**common(299.5), side="sell", price=98.0, size=2.0),
        interest(301, 80.0), mark(302, 100.5), mark(601, 100.0),
    ]  # fmt: skip
    (watch,) = watched(feed, "5m").values()
    levels = LiquidationMap()
    levels.on_interest(0.0, 100.0)
    levels.on_interest(50.0, 100.0)
    for price in (101.0, 99.0):
        levels.on_price(price, price)
    outlook = levels.outlook(99.0)
    assert outlook is not None
    assert outlook.below is not None
    first, second = watch.samples
    assert (first.ts, first.low, first.high, first.close) == (START + 5 * MINUTE, 99.0, 101.0, 99.0)
    assert 99.0 * exp(-first.below) == pytest.approx(outlook.below.price)
    assert [(one.side, one.price, one.notional) for one in first.forced] == [("sell", 98.0, 196.0)]
    assert (second.low, second.high, second.forced) == (99.0, 100.5, ())
    assert abs(log(second.close / 100.5)) < 1e-12


def test_without_a_word_on_open_interest_for_an_hour_nothing_is_predicted() -> None:
    feed: list[Entry] = [mark(1, 100.0), interest(2, 0.0), interest(3, 50.0), mark(2 * 3_600, 100.0)]
    (watch,) = watched(feed, "5m").values()
    assert [isnan(sample.below) for sample in watch.samples] == [False] * 12 + [True] * 12


def test_without_a_price_for_longer_than_a_bar_and_an_hour_nothing_is_predicted() -> None:
    told = [interest(60.0 * i, 50.0 + i) for i in range(121)]
    (watch,) = watched([mark(0, 100.0), *told], "5m").values()
    assert [isnan(sample.below) for sample in watch.samples] == [False] * 12 + [True] * 12


def test_what_has_no_open_interest_is_left_out() -> None:
    bar = ExchangeBar(
        **common(300), timeframe="5m", ts_open=START, open=1.0, high=1.0, low=1.0, close=1.0, volume=1.0
    )  # fmt: skip
    assert not watched([bar], "5m")


@needs_data
def test_on_real_bars_and_open_interest() -> None:
    """Printed as it is: 75 days are not enough to say that the estimate is better than its baselines."""
    files = [str(BARS / f"BTCUSDT_{name}.csv.gz") for name in ("5m", "open_interest_5m_2023-07_2023-10")]
    done = CliRunner().invoke(
        application(["heatmap"]), ["heatmap", *files, "--instrument", "binanceusdm:BTC/USDT:USDT", "--json"]
    )
    assert done.exit_code == 0, done.output
    rows = msgspec.json.decode(done.stdout)["scores"]["binanceusdm:BTC/USDT:USDT"]
    passage = [row for row in rows if row["measure"] == "first passage"]
    assert len(passage) == 3
    assert all(70 < row["episodes"] < 80 and row["verdict"] == "not conclusive" for row in passage)


@needs_data
def test_open_interest_by_value_and_liquidations_are_scored_too_few_for_a_verdict() -> None:
    folder = DATA / "bars/perp_1h_2025-03_2025-10"
    files = [str(folder / f"{name}.csv.gz") for name in ("candles_1h", "open_interest_1h", "liquidations_hyperliquid")]
    name = "hyperliquid:BTC/USDC:USDC"
    done = CliRunner().invoke(
        application(["heatmap"]), ["heatmap", *files, "--instrument", name, "--timeframe", "1h", "--json"]
    )
    assert done.exit_code == 0, done.output
    rows = msgspec.json.decode(done.stdout)["scores"][name]
    assert [row["episodes"] for row in rows] == [41, 40, 40, 0, 0, 0]
    assert {row["verdict"] for row in rows} == {"not conclusive"}


def test_on_a_simulated_market_the_estimate_is_nearer_to_the_truth_than_its_mirror_image() -> None:
    done = CliRunner().invoke(application(["heatmap"]), ["heatmap", "--simulate", "0.1", "--json"])
    assert done.exit_code == 0, done.output
    overlaps = msgspec.json.decode(done.stdout)["overlaps"]
    assert len(overlaps) == 3
    assert all(ours > mirrored for ours, mirrored, _ in overlaps.values())


@pytest.mark.parametrize("arguments", [[], ["x.csv", "--simulate", "1"]])
def test_it_is_told_what_to_score(arguments: list[str]) -> None:
    done = CliRunner().invoke(application(["heatmap"]), ["heatmap", *arguments])
    assert isinstance(done.exception, FlowError)
    assert "either INPUT... or --simulate DAYS" in str(done.exception)


def test_rows_that_are_left_out_are_told_and_without_a_price_nothing_is_scored(tmp_path: Path) -> None:
    times = [1_714_521_600_000 + 300_000 * number for number in range(4)]
    interest = tmp_path / "interest.csv"
    interest.write_text("ts_ms,open_interest\n" + "".join(f"{ts},{5 - 2 * at}\n" for at, ts in enumerate(times)))
    bars = tmp_path / "bars.csv"
    bars.write_text("ts_ms,open,high,low,close,volume\n" + "".join(f"{ts},1,3,0.5,2,7\n" for ts in times))
    arguments = ["--instrument", "binanceusdm:BTC/USDT:USDT", "--json"]
    done = CliRunner().invoke(application(["heatmap"]), ["heatmap", str(interest), str(bars), *arguments])
    assert done.exit_code == 0, done.output
    assert f"left out: 1 that are no records, the first at {interest}:5: " in done.stderr
    alone = CliRunner().invoke(application(["heatmap"]), ["heatmap", str(interest), *arguments])
    assert isinstance(alone.exception, FlowError)
    assert "no price of a whole 5m" in str(alone.exception)
