"""What a key gives rise to, encoded and addressed, in order."""

from typing import Any, Final, Generic, TypeVar

from operators.closed import Closed, Reading, Standing
from schemas.codec import encode
from schemas.deadletters import dead_letter
from schemas.identifiers import derive
from schemas.market import InstrumentDefinition
from schemas.results import (
    Absence,
    Bar,
    BookSample,
    Context,
    Drift,
    Gap,
    GapKind,
    LevelProfile,
    ModelEvent,
    Vector,
)
from schemas.signals import Signal
from schemas.time import MILLISECOND
from schemas.topics import LOG, Outgoing

__all__ = ["Outbox", "entry", "outgoing"]

Told = TypeVar("Told", bound=Closed | Standing | Reading)

_TOPIC_OF: Final[dict[type, str]] = {
    Bar: "features.bars",
    Vector: "features.vectors",
    Absence: "features.vectors",
    BookSample: "features.books",
    LevelProfile: "features.levels",
    Context: "features.context",
    Gap: "quality.gaps",
    InstrumentDefinition: "reference.instruments",
    Drift: "quality.drift",
    ModelEvent: "models.events",
}


def outgoing(
    record: Bar
    | Vector
    | Absence
    | Context
    | BookSample
    | LevelProfile
    | Drift
    | Gap
    | InstrumentDefinition
    | ModelEvent
    | Signal,
    *,
    key: str,
    identifier: str,
    ts: int,
    topic: str | None = None,
) -> Outgoing:
    """``record`` addressed to its topic; ``ts`` (ns) becomes the Kafka time stamp."""
    kind: type[Any] = type(record)
    return Outgoing(topic or _TOPIC_OF[kind], key, identifier, encode(record), ts // MILLISECOND)


def entry(
    instrument_id: str, kind: GapKind, start: int, end: int, ts_received: int, *,
    expected: int | None = None, received: int | None = None, count: int = 1, detail: str = "",
) -> Outgoing:  # fmt: skip
    """A record of the integrity ledger, under an identifier of all that it says."""
    said = (kind, start, end, ts_received, str(expected), str(received), count, detail)
    gap = Gap(
        id=derive("gap", instrument_id, *said), instrument_id=instrument_id, kind=kind, ts_start=start, ts_end=end,
        ts_received=ts_received, expected=expected, received=received, count=count, detail=detail,
    )  # fmt: skip
    return outgoing(gap, key=instrument_id, identifier=gap.id, ts=ts_received)


class Outbox(Generic[Told]):
    """Where the parts of a key put their records, and what the key tells the desk."""

    __slots__ = ("_records", "instrument_id")

    def __init__(self, instrument_id: str) -> None:
        self.instrument_id = instrument_id
        self._records: list[Outgoing | Told] = []

    def take(self) -> list[Outgoing | Told]:
        """What came together since last taken."""
        records, self._records = self._records, []
        return records

    def put(self, record: Bar | Vector | Absence | BookSample | LevelProfile | Gap, ts: int) -> None:
        """Send a result; ``ts`` (ns) is the receipt of what caused it."""
        self._records.append(outgoing(record, key=self.instrument_id, identifier=record.id, ts=ts))

    def define(self, definition: InstrumentDefinition) -> None:
        """Send a definition, under an identifier of all that it says."""
        identifier = derive("instrument", encode(definition).decode())
        ts = definition.ts_received
        self._records.append(outgoing(definition, key=self.instrument_id, identifier=identifier, ts=ts))

    def tell(self, told: Told) -> None:
        """Tell the desk."""
        self._records.append(told)

    def gap(
        self, kind: GapKind, start: int, end: int, ts_received: int, *,
        expected: int | None = None, received: int | None = None, count: int = 1, detail: str = "",
    ) -> None:  # fmt: skip
        """Send a record of the integrity ledger."""
        self._records.append(
            entry(
                self.instrument_id, kind, start, end, ts_received,
                expected=expected, received=received, count=count, detail=detail,
            )
        )  # fmt: skip

    def refuse(self, partition: int, message: tuple[int, int, bytes], reason: str) -> None:
        """Send a message that cannot be read or believed to the dead letters."""
        offset, ts_ms, value = message
        letter = dead_letter(LOG, partition, offset, ts_ms, self.instrument_id.encode(), value, reason)
        self._records.append(letter)
