"""History through the engine: the same features as from the indicators alone, every record in its place."""

import gzip
from itertools import islice
from pathlib import Path

import msgspec
import numpy as np
import pytest
import talib

from flows.errors import FlowError
from flows.feeds import recorded_feed
from flows.replay import replay
from flows.settings import load
from schemas.market import ExchangeBar
from schemas.results import Absence, Bar, FeatureRecord, Vector
from sources.history import History
from tests.data import DATA, needs_data
from tests.operators.support import bars, run

ID = "binanceusdm:BTC/USDT:USDT"
OTHER = "binanceusdm:ETH/USDT:USDT"
FOLDER = DATA / "bars_nolicense" / "binance_um_5m_2023-01_2024-05"
ROWS = 1_200


def cut(symbol: str, folder: Path) -> str:
    """The first rows of a file of five-minute bars, the first of which begins at 00:00."""
    path = folder / f"{symbol}.csv"
    with gzip.open(FOLDER / f"{symbol}_5m.csv.gz", "rt") as file:
        path.write_text("".join(islice(file, ROWS + 1)), encoding="utf-8")
    return str(path)


@needs_data
def test_bars_with_funding_of_two_instruments_in_step(tmp_path: Path) -> None:
    btc, eth, funding = cut("BTCUSDT", tmp_path), cut("ETHUSDT", tmp_path), FOLDER / "BTCUSDT_funding.csv.gz"
    short = tmp_path / "funding.csv"
    with gzip.open(funding, "rt") as file:
        short.write_text("".join(islice(file, 14)), encoding="utf-8")
    feed = recorded_feed([btc, f"{OTHER}={eth}", str(short)], None, instrument=ID, timeframe="5m")
    replay(load(with_file=False), feed, tmp_path / "out")
    assert feed.read == feed.size

    def lines(topic: str) -> list[bytes]:
        path = tmp_path / "out" / f"{topic}.jsonl"
        return path.read_bytes().splitlines() if path.exists() else []

    every_bar = [msgspec.json.decode(line, type=Bar) for line in lines("features.bars")]
    mine_too = [bar for bar in every_bar if bar.timeframe == "5m" and bar.instrument_id == ID]
    assert len(mine_too) == ROWS
    told: list[Vector | Absence] = [msgspec.json.decode(line, type=FeatureRecord) for line in lines("features.vectors")]
    vectors = [one for one in told if isinstance(one, Vector)]
    mine = [one for one in vectors if one.timeframe == "5m" and one.instrument_id == ID]
    assert len(mine) == ROWS
    with gzip.open(FOLDER / "BTCUSDT_5m.csv.gz", "rt") as file:
        closes = np.loadtxt(islice(file, 1, ROWS + 1), delimiter=",", usecols=4)
    oracle = talib.EMA(closes, 50)
    for one, expected in zip(mine, oracle, strict=True):
        if not np.isnan(expected):
            assert one.features["ema_50"] == pytest.approx(expected, rel=1e-9)
    assert {one.features["funding_settled"] for one in mine[:95]} == {0.0001}  # the rate of 00:00
    assert {one.features["funding_rate"] for one in mine} == {None}  # what runs is in no table
    assert len({one.features["funding_settled"] for one in mine}) > 3
    hours = [one for one in vectors if one.timeframe == "1h" and one.instrument_id == OTHER]
    assert len(hours) == ROWS // 12
    assert lines("quality.gaps") == []


def test_a_table_needs_its_instrument(tmp_path: Path) -> None:
    (tmp_path / "bars.csv").write_text("ts_ms,open,high,low,close,volume\n", encoding="utf-8")
    with pytest.raises(FlowError, match=r"bars.csv is a table: say of which --instrument"):
        recorded_feed([str(tmp_path / "bars.csv")], None, timeframe="5m")


@needs_data
def test_an_hour_of_minutes_is_the_hour_of_another_source(request: pytest.FixtureRequest) -> None:
    """The exchange's own hours as somebody else has stored them: some, or all 719 of them."""
    taken = None if request.config.getoption("--all-bars") else 5 * 1_440
    minutes = History(DATA / "bars_gpl/binance_um_1m_2025-05_2025-06/BTCUSDT_1m.csv.gz", ID, "1m")
    given = [event for event in islice(minutes, taken) if isinstance(event, ExchangeBar)]
    hours = History(DATA / "bars/perp_1h_2025-03_2025-10/candles_1h.csv.gz", "binance:BTC/USDT:USDT", "1h")
    theirs = {bar.ts_open: bar for bar in hours if isinstance(bar, ExchangeBar)}
    whole = [bar for bar in bars(run(given), "1h") if "partial" not in bar.quality]
    assert len(whole) == (119 if taken else 719)
    compared = [(bar, theirs[bar.ts_open]) for bar in whole if bar.ts_open in theirs]
    assert len(compared) == (119 if taken else 719)
    for ours, other in compared:
        assert (ours.open, ours.high, ours.low, ours.close) == (other.open, other.high, other.low, other.close)
        assert ours.volume == pytest.approx(other.volume, rel=1e-9)


def tables(folder: Path, name: str, shift: int, apart: int = 30_000) -> list[str]:
    """Two hours of bars, and ``apart`` (ms) after their beginnings of everything else that there may be beside them."""
    begin, minute = 1_714_521_600_000, 60_000
    bars = [f"{begin + i * minute},{9 + i % 3},12,8,{10 + i % 2},5" for i in range(120)]
    late = begin + apart
    files = {
        "bars": ["ts_ms,open,high,low,close,volume", *bars],
        "funding": ["ts_ms,funding_rate", *(f"{late + i * 60 * minute},{(i + 1 + shift) / 1e4}" for i in range(2))],
        "metrics": [
            "create_time,sum_open_interest,count_long_short_ratio",
            *(f"{late + i * 5 * minute},{100 + i + shift},{1 + (i + shift) / 16}" for i in range(24)),
        ],
        "liquidations": [
            "ts_ms,side,price,size",
            *(f"{late + i * 10 * minute},sell,10,{1 + shift}" for i in range(12)),
        ],
    }
    for kind, rows in files.items():
        (folder / f"{kind}{shift}.csv").write_text("\n".join([*rows, ""]), encoding="utf-8")
    return [f"{name}={folder / kind}{shift}.csv" for kind in files]


def test_what_is_told_at_the_very_time_of_a_close_is_known_at_it(tmp_path: Path) -> None:
    inputs = tables(tmp_path, ID, 0, apart=0)
    for place, named in (("out", inputs), ("again", inputs[::-1])):
        replay(load(with_file=False), recorded_feed(named, None, timeframe="1m"), tmp_path / place)
    written = (tmp_path / "out" / "features.vectors.jsonl").read_bytes()
    assert (tmp_path / "again" / "features.vectors.jsonl").read_bytes() == written
    told = [msgspec.json.decode(line, type=FeatureRecord) for line in written.splitlines()]
    vectors = [one for one in told if isinstance(one, Vector) and one.timeframe == "5m"]
    assert [one.features["open_interest"] for one in vectors] == [*range(101, 124), 123]


def test_every_kind_of_table_of_several_instruments_in_step(tmp_path: Path) -> None:
    """What is in force at a close is what the files have told by then, in whatever order they are named."""
    inputs = [*tables(tmp_path, ID, 0), *tables(tmp_path, OTHER, 7)]
    replay(load(with_file=False), recorded_feed(inputs[::-1], None, timeframe="1m"), tmp_path / "out")
    replay(load(with_file=False), recorded_feed(inputs, None, timeframe="1m"), tmp_path / "again")
    written = (tmp_path / "out" / "features.vectors.jsonl").read_bytes()
    assert (tmp_path / "again" / "features.vectors.jsonl").read_bytes() == written
    told = [msgspec.json.decode(line, type=FeatureRecord) for line in written.splitlines()]
    for name, shift in ((ID, 0), (OTHER, 7)):
        vectors = [
            one for one in told if isinstance(one, Vector) and (one.instrument_id, one.timeframe) == (name, "1m")
        ]
        assert len(vectors) == 120
        for close, vector in enumerate(vectors, 1):
            five, ten, hour = ((2 * close - 1) // (2 * step) for step in (5, 10, 60))
            found = vector.features
            assert found["open_interest"] == 100 + five + shift, close
            assert found["long_short_ratio"] == 1 + (five + shift) / 16
            assert found["funding_settled"] == (hour + 1 + shift) / 1e4
            new = close % 10 == 1
            assert found["liquidated_long_notional"] == (10.0 * (1 + shift) if new else 0.0), (close, ten)
