"""What a run without faults gives: a recording of a simulated market, and its replay."""

from pathlib import Path

import msgspec

from flows.feeds import Feed, simulated_feed
from flows.ingest import Recorder, ingest
from flows.replay import replay
from flows.settings import Settings, StrategySettings
from schemas.market import CONTROL, ExternalMetric
from schemas.time import MINUTE
from sources.merge import Heard, Item, merge
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


def _told(minutes: int) -> list[Item]:
    """An index that is published every two minutes, and known half a minute later."""
    return [
        ExternalMetric(
            instrument_id=CONTROL, ts_event=at, ts_received=at + MINUTE // 2, metric="fear_greed",
            value=float(at // MINUTE % 100),
        )
        for at in range(_START - 40 * MINUTE, _START + minutes * MINUTE, 2 * MINUTE)
    ]  # fmt: skip


def record(path: Path, minutes: int = 13, instruments: int = 3) -> Path:
    """A recording of a market with some history, an external metric and some faults, at ``path``."""
    config = SimulatorConfig(
        seed=11, start=_START, duration=minutes * MINUTE, instruments=LISTINGS[:instruments], edge=0.6, faults=_FAULTS
    )
    with Recorder(path) as writer:
        market = simulated_feed(Simulator(config), history_days=0.1).items
        items = (item for _, item in merge([market, _told(minutes)]) if item is not None)
        ingest((item for item in items if not isinstance(item, Heard)), writer)
    return path


def golden_of(feed: Feed, folder: Path, settings: Settings = SETTINGS) -> Golden:
    """The results of a replay of ``feed``, written to ``folder``."""
    replay(settings, feed, folder)
    found: Golden = {}
    for file in folder.glob("*.jsonl"):
        values = file.read_bytes().splitlines()
        records = [(msgspec.json.decode(value), value) for value in values]
        found[file.stem] = {str(record.get("id") or record["instrument_id"]): value for record, value in records}
    return found
