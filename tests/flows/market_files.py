"""Bar files of a made-up market, and what a replay of them writes."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np

from flows.feeds import recorded_feed
from flows.replay import replay
from flows.settings import EngineSettings, Settings, StrategySettings
from sinks.files import Format

__all__ = ["START_MS", "STEP_MS", "replayed", "walk_file"]

START_MS: Final = round(datetime(2024, 1, 1, tzinfo=UTC).timestamp() * 1_000)
STEP_MS: Final = 300_000


def walk_file(path: Path, count: int, seed: int = 1, left_out: Sequence[int] = ()) -> Path:
    """``count`` bars of five minutes of a random walk, without those ``left_out``; beside it a file of funding."""
    chance = np.random.default_rng(seed).normal(size=(count, 4)).T  # a longer walk begins like a shorter one
    closes = 100.0 * np.exp(np.cumsum(2e-3 * chance[0]))
    opens = np.concatenate([[100.0], closes[:-1]])
    wicks = 1e-3 * np.abs(chance[1:3])
    rows = [
        f"{START_MS + at * STEP_MS},{opens[at]:.6f},{max(opens[at], closes[at]) * (1 + wicks[0, at]):.6f},"
        f"{min(opens[at], closes[at]) * (1 - wicks[1, at]):.6f},{closes[at]:.6f},{1 + abs(chance[3, at]):.4f}"
        for at in range(count)
        if at not in left_out
    ]
    path.write_text("\n".join(["ts_ms,open,high,low,close,volume", *rows, ""]))
    settlements = range(START_MS, START_MS + count * STEP_MS, 8 * 3_600_000)
    rates = [f"{ts + 5},{1e-4 * (number + 1):.6f}" for number, ts in enumerate(settlements)]
    path.with_name(f"funding_{path.name}").write_text("\n".join(["ts_ms,funding_rate", *rates, ""]))
    return path


def replayed(out: Path, files: dict[str, Path], fmt: Format = "jsonl", threshold: float = 0.3) -> Path:
    """What a replay of the files, by instrument, writes into ``out``."""
    settings = Settings(
        engine=EngineSettings(timeframes=("5m", "15m")),
        strategy=StrategySettings(timeframes=("5m", "15m"), threshold=threshold),
    )
    inputs = [
        f"{name}={each}" for name, path in files.items() for each in (path, path.with_name(f"funding_{path.name}"))
    ]
    replay(settings, recorded_feed(inputs, None, timeframe="5m"), out, fmt)
    return out
