"""A simulated market that an ingester can play, and what it gives without faults."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from flows.feeds import Feed, simulated_feed
from schemas.market import MarketEvent
from schemas.time import SECOND
from sources.malformed import Malformed
from sources.simulator import Duplicate, Faults, Gap, Garbage, Late, Simulator, SimulatorConfig
from tests.faults.verdict import Tables, tables_of
from tests.integration.golden import Golden, golden_of

__all__ = ["RESULTS", "ROUGH", "SMOOTH", "START", "Market"]

START: Final = 1_723_161_600 * SECOND  # 2024-08-09 00:00 UTC
_SEED: Final = 11
_HISTORY_DAYS: Final = 0.1
RESULTS: Final = ("features.bars", "features.books", "features.vectors")
"""The features lane's main topics."""

SMOOTH: Final = Faults()
ROUGH: Final = Faults(
    gap=Gap(at=(400.0,)), late=Late(per_hour=60), duplicate=Duplicate(per_hour=60), garbage=Garbage(per_hour=20)
)
"""A market with some faults of its own, which the golden run has too."""


class Market(msgspec.Struct, frozen=True):
    """So many seconds of it."""

    seconds: int
    faults: Faults
    golden: Golden
    tables: Tables

    @classmethod
    def made(cls, seconds: int, faults: Faults, folder: Path, server: str) -> "Market":
        """Replayed into an empty ``folder``; its rows by way of the database of a connection string."""
        golden = golden_of(_feed(seconds, faults), folder)
        return cls(seconds, faults, golden, tables_of(golden, server))

    def events(self) -> Iterator[MarketEvent]:
        """What an ingester writes to the log of it, what is malformed left out."""
        return (item for item in _feed(self.seconds, self.faults).items if not isinstance(item, Malformed))

    def played(self, speed: float | None) -> list[str]:
        """The arguments of an ingester that simulates the same; after the history so many times as fast as time."""
        return [
            "ingest", "--simulate", "--seed", str(_SEED), "--start", str(START), "--seconds", str(self.seconds),
            "--history-days", str(_HISTORY_DAYS), "--faults", msgspec.json.encode(self.faults).decode(),
            *(["--speed", str(speed)] if speed else []),
        ]  # fmt: skip

    @property
    def rows(self) -> dict[str, int]:
        """Their number by table."""
        return {name: len(rows) for name, rows in self.tables.items()}

    @property
    def results(self) -> int:
        """Messages in the topics `RESULTS`."""
        return sum(len(self.golden[topic]) for topic in RESULTS)


def _feed(seconds: int, faults: Faults) -> Feed:
    config = SimulatorConfig(seed=_SEED, start=START, duration=seconds * SECOND, faults=faults)
    return simulated_feed(Simulator(config), history_days=_HISTORY_DAYS)
