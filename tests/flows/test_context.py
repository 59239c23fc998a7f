"""The whole way: a simulated market replayed, and its contexts held against the bars that were written beside them."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.feeds import simulated_feed
from flows.replay import replay
from flows.settings import Settings
from schemas.time import MINUTE, SECOND
from sources.simulator import Simulator, SimulatorConfig

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
