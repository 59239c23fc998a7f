"""Replay: the same bytes every time, as lines and as Parquet."""

import json
from pathlib import Path

import pyarrow.parquet as pq

from flows.feeds import recorded_feed
from flows.replay import replay
from flows.settings import Settings
from tests.data import DATA, needs_data

_USDM = DATA / "ws_raw/binance_2023-04-05_funding"
_FILES = [str(_USDM / f"usdm_btcusdt_{day}.dat.gz") for day in ("20230404", "20230405")]


@needs_data
def test_twice_gives_identical_bytes_and_the_exchange_s_bar(tmp_path: Path) -> None:
    """The recording of a funding settlement, with a print that is not of the market and trades two seconds late."""
    for name in ("a", "b"):
        replayed = replay(Settings(), recorded_feed(_FILES, "binanceusdm"), tmp_path / name)
        assert replayed.records["features.bars"] > 0
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == sorted(path.name for path in (tmp_path / "b").iterdir())
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()

    bars = [json.loads(line) for line in (tmp_path / "a/features.bars.jsonl").read_text().splitlines()]
    (bar,) = [bar for bar in bars if bar["timeframe"] == "5m" and bar["ts_open"] == 1_680_652_800_000_000_000]
    assert (bar["open"], bar["high"], bar["low"], bar["close"]) == (28155.1, 28159.2, 28140.0, 28140.6)
    assert abs(bar["volume"] - 685.263) < 1e-9
    assert (bar["revision"], bar["quality"]) == (0, [])
    assert not (tmp_path / "a/quality.gaps.jsonl").exists()


@needs_data
def test_parquet_has_one_column_a_feature(tmp_path: Path) -> None:
    """And the values of the lines."""
    replay(Settings(), recorded_feed(_FILES[:1], "binanceusdm"), tmp_path / "lines")
    replay(Settings(), recorded_feed(_FILES[:1], "binanceusdm"), tmp_path / "table", "parquet")
    table = pq.read_table(tmp_path / "table/features.vectors.parquet").to_pylist()
    lines = [json.loads(line) for line in (tmp_path / "lines/features.vectors.jsonl").read_text().splitlines()]
    assert len(table) == len(lines) > 0
    for row, record in zip(table, lines, strict=True):
        for name, value in record.get("features", {}).items():
            assert row[name] == value


@needs_data
def test_the_exchange_s_bar_beside_its_trades_is_compared(tmp_path: Path) -> None:
    """As it is nothing is said; one cent off it stands in the ledger, and the features are those of the trades."""
    table, vectors = tmp_path / "bar.csv", []
    for close, told in (("28140.6", []), ("28140.61", ["5m: close 28140.61 given, 28140.6 made of trades"])):
        table.write_text(f"ts_ms,open,high,low,close,volume\n1680652800000,28155.1,28159.2,28140.0,{close},685.263\n")
        tapes = [f"binanceusdm={file}" for file in _FILES]
        feed = recorded_feed([*tapes, str(table)], None, instrument="binanceusdm:BTC/USDT:USDT", timeframe="5m")
        out = tmp_path / close
        replay(Settings(), feed, out)
        gaps = out / "quality.gaps.jsonl"
        found = [json.loads(line) for line in gaps.read_text().splitlines()] if gaps.exists() else []
        assert [gap["detail"] for gap in found if gap["kind"] == "bar_differs"] == told
        vectors.append((out / "features.vectors.jsonl").read_bytes())
    assert vectors[0] == vectors[1]
