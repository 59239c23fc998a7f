"""What a run without faults gives: a recording of a simulated market, and its replay."""

from pathlib import Path

import msgspec

from flows.feeds import Feed, simulated_feed
from flows.ingest import Recorder, ingest
from flows.replay import replay
from flows.settings import Settings, StrategySettings
from schemas.time import MINUTE
from sources.simulator import LISTINGS, Duplicate, Faults, Gap, Garbage, Late, Simulator, SimulatorConfig

__all__ = ["SETTINGS", "Golden", "golden_of", "record"]

Golden = dict[str, dict[str, bytes]]
"""By topic and identifier."""

SETTINGS = Settings(strategy=StrategySettings(threshold=0.2, cooldown_bars=2))
"""A talkative strategy, so that there is something to compare."""
_START = 1_723_161_600_000_000_000  # 2024-08-09 00:00 UTC
_FAULTS = Faults(
    gap=Gap(at=(400.0,)), late=Late(per_hour=60, only=("sim:BTC/USDT",)),
    duplicate=Duplicate(per_hour=60), garbage=Garbage(per_hour=20),
)  # fmt: skip


def record(path: Path, minutes: int = 13, instruments: int = 3) -> Path:
    """A recording of a market with some history and some faults, at ``path``."""
    config = SimulatorConfig(
        seed=11, start=_START, duration=minutes * MINUTE, instruments=LISTINGS[:instruments], edge=0.6, faults=_FAULTS
    )
    with Recorder(path) as writer:
        ingest(simulated_feed(Simulator(config), history_days=0.1).items, writer)
    return path


def golden_of(feed: Feed, folder: Path) -> Golden:
    """The results of a replay of ``feed``, written to ``folder``."""
    replay(SETTINGS, feed, folder)
    found: Golden = {}
    for file in folder.glob("*.jsonl"):
        values = file.read_bytes().splitlines()
        records = [(msgspec.json.decode(value), value) for value in values]
        found[file.stem] = {str(record.get("id") or record["instrument_id"]): value for record, value in records}
    return found
