"""The one registry of topics that everything reads: who writes what, under which key, for how long."""

from typing import Any, Final, Literal

from msgspec import Struct

from schemas.market import InstrumentDefinition, MarketEvent
from schemas.results import (
    Bar,
    BookSample,
    Context,
    DeadLetter,
    Drift,
    FeatureRecord,
    Gap,
    LevelProfile,
    ModelEvent,
)
from schemas.signals import Outcome, Signal
from schemas.time import DAY, MILLISECOND

__all__ = ["BY_NAME", "LOG", "TOPICS", "Lane", "Outgoing", "Topic"]

Lane = Literal["log", "features", "signals"]
_DAY_MS: Final = DAY // MILLISECOND


class Topic(Struct, frozen=True, kw_only=True):
    """A topic's contract."""

    name: str
    record: Any
    """The type, or union of types, of its values."""
    key: str
    lane: Lane
    """Who writes it: ``log`` the ingesters, ``features`` the per-instrument step (one part a partition, idempotent),
    ``signals`` the desk (one transactional producer)."""
    retention_ms: int
    """-1: for ever."""
    compacted: bool = False
    shared: bool = False
    """Others than the engine write there too, so that where the engine stopped says nothing of what must be left."""
    partitions: int | None = None
    """``None``: as many as the log has."""
    summary: str


class Outgoing(Struct, frozen=True, array_like=True, gc=False):
    """A record on its way to a sink, already encoded."""

    topic: str
    key: str
    id: str
    value: bytes
    ts_ms: int
    """Becomes the Kafka time stamp."""


LOG: Final = "market.events"

TOPICS: Final = (
    Topic(
        name=LOG, record=MarketEvent, key="instrument_id", lane="log", retention_ms=30 * _DAY_MS,
        summary="Everything that can change a result, in one order",
    ),
    Topic(
        name="features.bars", record=Bar, key="instrument_id", lane="features", retention_ms=90 * _DAY_MS,
        summary="Closed bars built by the engine, revision 0 and later ones",
    ),
    Topic(
        name="features.vectors", record=FeatureRecord, key="instrument_id", lane="features",
        retention_ms=90 * _DAY_MS, summary="One vector, or why there is none, an instrument, timeframe and close",
    ),
    Topic(
        name="features.context", record=Context, key="instrument_id", lane="features", retention_ms=90 * _DAY_MS,
        summary="What the desk adds to each vector of a member: features across instruments",
    ),
    Topic(
        name="features.books", record=BookSample, key="instrument_id", lane="features", retention_ms=1 * _DAY_MS,
        summary="The best levels about once a second, for people to look at",
    ),
    Topic(
        name="features.levels", record=LevelProfile, key="instrument_id", lane="features", retention_ms=7 * _DAY_MS,
        summary="Estimated liquidation levels by price every five minutes, for people to look at",
    ),
    Topic(
        name="reference.instruments", record=InstrumentDefinition, key="instrument_id", lane="features",
        retention_ms=-1, compacted=True, summary="The definition in force of each instrument",
    ),
    Topic(
        name="quality.gaps", record=Gap, key="instrument_id", lane="features", retention_ms=90 * _DAY_MS,
        summary="The integrity ledger: what was lost, late or found again",
    ),
    Topic(
        name="quality.drift", record=Drift, key="instrument_id", lane="features", retention_ms=90 * _DAY_MS,
        summary="Distributions compared with their reference",
    ),
    Topic(
        name="dead_letters", record=DeadLetter, key="topic[partition]", lane="features", retention_ms=90 * _DAY_MS,
        shared=True, summary="What could not be read, with its place, reason and bytes",
    ),
    Topic(
        name="signals.candidates", record=Signal, key="instrument_id", lane="signals", retention_ms=365 * _DAY_MS,
        partitions=1, summary="Every candidate, the vetoed ones with their reasons",
    ),
    Topic(
        name="signals.published", record=Signal, key="instrument_id", lane="signals", retention_ms=365 * _DAY_MS,
        partitions=1, summary="What an execution desk consumes (read_committed)",
    ),
    Topic(
        name="signals.outcomes", record=Outcome, key="instrument_id", lane="signals", retention_ms=365 * _DAY_MS,
        partitions=1, summary="What became of every signal",
    ),
    Topic(
        name="models.events", record=ModelEvent, key="model", lane="signals", retention_ms=-1, partitions=1,
        summary="The public changelog of models",
    ),
)  # fmt: skip

BY_NAME: Final = {topic.name: topic for topic in TOPICS}
