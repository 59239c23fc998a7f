"""Regimes from a replay into the next one."""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from flows.errors import FlowError
from flows.feeds import recorded_feed, simulated_feed
from flows.ingest import Recorder, ingest
from flows.regimes import fitted, last_told, tell
from flows.replay import replay
from flows.settings import Settings
from models.errors import ModelError
from schemas.codec import encode
from schemas.time import DAY, SECOND
from sources.simulator import LISTINGS, Simulator, SimulatorConfig


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tape") / "market.jsonl"
    config = SimulatorConfig(seed=3, start=19_700 * DAY, duration=60 * SECOND, instruments=LISTINGS[:1])
    with Recorder(path) as writer:
        ingest(simulated_feed(Simulator(config), history_days=0.5).items, writer)
    return path


def test_they_are_fitted_told_and_known_in_the_next_replay(tape: Path, tmp_path: Path) -> None:
    replay(Settings(), recorded_feed([str(tape)], None), tmp_path / "first")
    record, closes = fitted([tmp_path / "first"], "1m")
    assert closes > 600
    file = tmp_path / "regimes.jsonl"
    early = record.ts_received - DAY // 4
    for told in (record, replace(record, ts_event=early, ts_received=early)):
        tell(Settings(), told, file)
    assert last_told(file, "1m") is not None
    assert last_told(file, "5m") is None
    (tmp_path / "other.csv").write_text("a,b\n")
    with pytest.raises(FlowError, match=r"--to .*other\.csv:1: "):
        last_told(tmp_path / "other.csv", "5m")
    whole = file.read_bytes()
    for rest in (encode(record)[:90], bytes(90)):  # of one that died while it told
        file.write_bytes(whole + rest)
        assert last_told(file, "1m") == record
        tell(Settings(), record, file)
        assert file.read_bytes() == whole + encode(record) + b"\n"
    again, _ = fitted([tmp_path / "first"], "1m", last_told(file, "1m"))
    assert again.timeframe == "1m"
    for name in ("a", "b"):
        replay(Settings(), recorded_feed([str(tape)], None, activations=[file]), tmp_path / name)
    lines = [(tmp_path / name / "features.context.jsonl").read_bytes() for name in ("a", "b")]
    assert lines[0] == lines[1]
    known = [one for one in map(json.loads, lines[0].splitlines()) if one["timeframe"] == "1m"]
    assert known[0]["features"]["regime_bull"] is None
    last = known[-1]["features"]
    assert sum(last[f"regime_{name}"] for name in ("bull", "bear", "sideways", "volatile")) == pytest.approx(1.0)


def test_too_little_is_one_line(tape: Path, tmp_path: Path) -> None:
    with pytest.raises(FlowError, match=r"no features\.vectors"):
        fitted([tmp_path], "1m")
    replay(Settings(), recorded_feed([str(tape)], None), tmp_path / "first")
    with pytest.raises(ModelError, match="bars with a known return and volatility: 500 are needed"):
        fitted([tmp_path / "first"], "15m")
