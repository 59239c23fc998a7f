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
