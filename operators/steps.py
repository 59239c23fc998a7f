"""The thin Bytewax side: two keyed steps around the pure classes, and the wiring between them."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import bytewax.operators as op
from bytewax.dataflow import Stream
from bytewax.operators import KeyedStream, StatefulBatchLogic

from models.registry import Registry
from operators.closed import DESK, Told
from operators.config import DeskConfig, InstrumentConfig
from operators.control import Control
from operators.desk.desk import Desk
from operators.instrument import Instrument
from schemas.batches import Batch, Rejected
from schemas.deadletters import dead_letter
from schemas.failpoints import reach
from schemas.market import CONTROL
from schemas.time import MILLISECOND
from schemas.topics import BY_NAME, Outgoing

__all__ = ["Happened", "InstrumentLogic", "Lanes", "decide", "judge", "refuse"]

Happened = Outgoing | Told
"""What an instrument or the control key gives rise to."""


class _Keyed(Protocol):
    def on_batch(self, batch: Any, /) -> list[Any]: ...
    def state(self) -> bytes: ...


class Lanes(NamedTuple):
    """What leaves the dataflow, by the lane of the registry that writes it."""

    features: "KeyedStream[Outgoing]"
    signals: "KeyedStream[Outgoing]"
    closes: "KeyedStream[Told]"
    """What the desk is told; for who only wants to look."""


class InstrumentLogic(StatefulBatchLogic[Batch | Rejected, Happened, tuple[str, bytes]]):
    """One key's pure class, from the first batch on that holds a record for it.

    Anybody can write any key: one of which every record was refused is forgotten at once.
    """

    def __init__(
        self, config: InstrumentConfig, late: Mapping[int, int], resume_state: tuple[str, bytes] | None
    ) -> None:
        self._config, self._late = config, late
        self._key = ""
        self._keyed: _Keyed | None = None
        if resume_state is not None:
            self._key, packed = resume_state
            if self._key == CONTROL:
                self._keyed = Control.restored(packed, config)
            elif packed:
                self._keyed = Instrument.restored(packed, config)

    def on_batch(self, values: list[Batch | Rejected]) -> tuple[list[Happened], bool]:
        out: list[Happened] = []
        for batch in values:
            if isinstance(batch, Rejected):
                out += refuse(batch)
                continue
            keyed = self._keyed or self._made(batch)
            said = keyed.on_batch(batch)
            out += said
            if self._keyed is None and not _refused(batch, said):
                self._key, self._keyed = batch.key, keyed
        return out, StatefulBatchLogic.DISCARD if self._keyed is None else StatefulBatchLogic.RETAIN

    def _made(self, batch: Batch) -> _Keyed:
        if batch.key == CONTROL:
            return Control(self._config)
        made = Instrument(batch.key, self._config)
        offset, ts_ms, _ = batch.messages[0]
        if offset < self._late.get(batch.partition, 0):
            made.begin_late(ts_ms * MILLISECOND)
        return made

    def snapshot(self) -> tuple[str, bytes]:
        reach("instrument.snapshot")
        return self._key, b"" if self._keyed is None else self._keyed.state()


class _DeskLogic(StatefulBatchLogic[Told, Outgoing, bytes]):
    def __init__(self, config: DeskConfig, registry: Registry | None, resume_state: bytes | None) -> None:
        if resume_state is None:
            self._desk = Desk(config, registry)
        else:
            self._desk = Desk.restored(resume_state, config, registry)

    def on_batch(self, values: list[Told]) -> tuple[list[Outgoing], bool]:
        return self._desk.on_batch(values), StatefulBatchLogic.RETAIN

    def snapshot(self) -> bytes:
        reach("desk.snapshot")
        return self._desk.state()


def decide(
    log: "Stream[tuple[str, Batch | Rejected]]",
    instrument: InstrumentConfig,
    desk: DeskConfig,
    registry: Registry | None = None,
    late: Mapping[int, int] | None = None,
) -> Lanes:
    """From the log's batches to everything that the engine writes.

    Step names are part of the recovery state: renaming one resets it silently, so they never change.

    Parameters:
        registry: where the desk finds the models that are activated.
        late: by partition the offset before which an instrument that is new to us is none: its log has lost its
            beginning, and every feature is tainted as far as its memory would reach into that.
    """
    happened = op.stateful_batch("instrument", log, lambda state: InstrumentLogic(instrument, late or {}, state))
    return judge(happened, desk, registry)


def judge(happened: "Stream[tuple[str, Happened]]", desk: DeskConfig, registry: Registry | None = None) -> Lanes:
    """The second half of `decide`: from what happened to every key, wherever that was worked out."""
    closes = op.filter_map("to_the_desk", happened, _for_the_desk)
    features = op.filter_map("to_the_sink", happened, _for_the_sink)
    decided = op.branch(
        "lanes", op.stateful_batch("desk", closes, lambda state: _DeskLogic(desk, registry, state)), _is_of_the_signals
    )
    ledger = op.filter_map("to_the_ledger", decided.falses, _for_the_sink)
    return Lanes(op.merge("features_and_ledger", features, ledger), decided.trues, closes)


def _for_the_desk(item: tuple[str, Happened]) -> tuple[str, Told] | None:
    record = item[1]
    return None if isinstance(record, Outgoing) else (DESK, record)


def _is_of_the_signals(item: tuple[str, Outgoing]) -> bool:
    return BY_NAME[item[1].topic].lane == "signals"


def _for_the_sink(item: tuple[str, Happened]) -> tuple[str, Outgoing] | None:
    record = item[1]
    return (record.key, record) if isinstance(record, Outgoing) else None


def _refused(batch: Batch, said: list[Happened]) -> bool:
    """Whether what was said of ``batch`` is that none of its messages could be taken."""
    return len(said) == len(batch.messages) and all(
        isinstance(record, Outgoing) and record.topic == "dead_letters" for record in said
    )


def refuse(batch: Rejected) -> list[Happened]:
    """The dead letters of what belongs to no instrument."""
    return [
        dead_letter(batch.topic, batch.partition, offset, ts_ms, key, value, reason)
        for offset, ts_ms, key, value, reason in batch.messages
    ]
