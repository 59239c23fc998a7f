"""The whole way: a simulated market replayed, and its contexts held against the bars that were written beside them."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from flows.feeds import recorded_feed, simulated_feed
from flows.ingest import Recorder, ingest
from flows.replay import replay
from flows.settings import Settings
from schemas.time import HOUR, MINUTE, SECOND
from sources.simulator import Simulator, SimulatorConfig

MAY: Final = 1_714_521_600 * SECOND  # 2024-05-01
_START = 1_722_470_400 * SECOND


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_contexts_follow_from_the_bars(tmp_path: Path) -> None:
    config = SimulatorConfig(seed=3, start=_START, duration=2 * MINUTE)
    replayed = replay(Settings(), simulated_feed(Simulator(config), history_days=0.1), tmp_path)
    contexts, vectors = lines(tmp_path / "features.context.jsonl"), lines(tmp_path / "features.vectors.jsonl")
    key = ("instrument_id", "timeframe", "ts_close")
    whole = {tuple(vector[name] for name in key) for vector in vectors if "features" in vector}
    assert {tuple(context[name] for name in key) for context in contexts} == whole
    assert len({context["id"] for context in contexts}) == len(contexts) == replayed.records["features.context"]

    closes: dict[str, dict[int, float]] = defaultdict(dict)
    for bar in lines(tmp_path / "features.bars.jsonl"):
        if bar["timeframe"] == "1m" and bar["revision"] == 0:
            closes[bar["instrument_id"]][bar["ts_close"]] = bar["close"]
    checked = 0
    for context in contexts:
        known, at = context["features"], context["ts_close"]
        found = known["corr_btc_60"]
        if context["timeframe"] != "1m" or found is None:
            continue
        prices = np.array(
            [
                [closes[name][at - n * MINUTE] for n in range(60, -1, -1)]
                for name in (context["instrument_id"], "sim:BTC/USDT:USDT", "sim:ETH/USDT:USDT", "sim:SOL/USDT:USDT")
            ]
        )
        returns = prices[:, 1:] / prices[:, :-1] - 1.0
        assert found == pytest.approx(np.corrcoef(returns[0], returns[1])[0, 1], rel=1e-9)
        assert known["corr_eth_sol_60"] == pytest.approx(np.corrcoef(returns[2], returns[3])[0, 1], rel=1e-9)
        checked += 1
    assert checked > 200


def history(path: Path, length: int, count: int) -> str:
    """Bars that begin at `MAY`; ``length`` in ns."""
    rows = [f"{(MAY + n * length) // SECOND},1,2,1,{1.5 + n % 5 / 10},3" for n in range(count)]
    path.write_text("ts,open,high,low,close,volume\n" + "\n".join(rows) + "\n")
    return str(path)


def known(folder: Path, name: str, timeframe: str) -> dict[float, float | None]:
    """By close, in hours after `MAY`."""
    return {
        round((context["ts_close"] - MAY) / HOUR, 2): context["features"][name]
        for context in lines(folder / "features.context.jsonl")
        if context["timeframe"] == timeframe
    }


@pytest.fixture
def told(tmp_path: Path) -> list[str]:
    """Files of metrics and of the calendar."""
    index, rest = tmp_path / "index.csv", tmp_path / "rest.jsonl"
    index.write_text("date,value\n2024-05-01T02:00:00Z,67\n2023-01-01,20\n2024-04-30,54\n2024-05-01T05:30:00,101\n")
    rest.write_text(
        '{"ts": 1714525200, "received": 1714532400, "metric": "news_sentiment", "value": -0.5, "asset": "BTC"}\n'
        '{"ts": 1714528800, "name": "FOMC", "scheduled": "2024-05-01T04:00:00Z"}\n'
    )
    return [f"fear_greed={index}", str(rest)]


@pytest.mark.parametrize("timeframe", ["1m", "1h"])
def test_metrics_beside_bars_count_from_when_they_were_known(tmp_path: Path, told: list[str], timeframe: str) -> None:
    bars = history(tmp_path / "bars.csv", *((MINUTE, 361) if timeframe == "1m" else (HOUR, 7)))
    options: dict[str, Any] = {"instrument": "x:BTC/USDT", "timeframe": timeframe, "metrics": told}
    for out in ("a", "b"):
        replay(Settings(), recorded_feed([bars], None, **options), tmp_path / out)
    assert (tmp_path / "a/features.context.jsonl").read_bytes() == (tmp_path / "b/features.context.jsonl").read_bytes()
    found = {name: known(tmp_path / "a", name, "1h") for name in ("fear_greed", "news_sentiment", "macro_next")}
    assert found["fear_greed"] == {hour: 54.0 if hour < 2 else 67.0 for hour in range(1, 7)}
    assert found["news_sentiment"] == {hour: None if hour < 3 else -0.5 for hour in range(1, 7)}
    assert found["macro_next"] == {hour: 4.0 - hour if 2 <= hour < 4 else None for hour in range(1, 7)}
    assert known(tmp_path / "a", "macro_since", "1h")[6] == 2.0
    assert known(tmp_path / "a", "fear_greed_age", "1h")[3] == 1.0
    (letter,) = lines(tmp_path / "a/dead_letters.jsonl")
    assert "value 101.0: fear_greed goes from 0.0 to 100.0" in letter["reason"]
    if timeframe == "1m":
        assert known(tmp_path / "a", "fear_greed", "1m")[1.98] == 54.0


def test_metrics_beside_a_recording(tmp_path: Path, told: list[str]) -> None:
    """A recording is a log already; what is known later than its last close changes nothing."""
    bars = history(tmp_path / "bars.csv", MINUTE, 181)
    options: dict[str, Any] = {"instrument": "x:BTC/USDT", "timeframe": "1m"}
    with Recorder(tmp_path / "log.jsonl.gz") as writer:
        ingest(recorded_feed([bars], None, **options).items, writer)
    replay(Settings(), recorded_feed([str(tmp_path / "log.jsonl.gz")], None, metrics=told), tmp_path / "recorded")
    replay(Settings(), recorded_feed([bars], None, metrics=told, **options), tmp_path / "merged")
    for name in ("fear_greed", "news_sentiment", "macro_next"):
        assert known(tmp_path / "recorded", name, "1h") == known(tmp_path / "merged", name, "1h")


def test_metrics_alone_are_a_feed_without_members(tmp_path: Path, told: list[str]) -> None:
    with Recorder(tmp_path / "log.jsonl") as writer:
        counts = ingest(recorded_feed([], None, metrics=told).items, writer)
    assert counts == {"external_metric": 4, "macro_event": 1, "malformed": 1}
