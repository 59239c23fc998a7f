"""The engine under observation: its ends wrapped, so that its vitals are seen a batch at a time and nothing changes."""

import re
import time
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from flows.vitals import Pulse
from operators.closed import Reading, Standing, Told
from operators.desk.confluence import USED
from schemas.batches import Batch, Rejected
from schemas.codec import DecodeError, decode_event
from schemas.market import CONTROL, Heartbeat, Membership
from schemas.results import Drift, Vector
from schemas.time import MILLISECOND, SECOND, Timeframe
from schemas.topics import LOG, Outgoing
from schemas.vitals import WATCHDOG, DriftVitals, EngineVitals, KeyVitals, SinkVitals, SourceVitals
from sources.log import KafkaLog

__all__ = ["EngineObserver", "ObservedLog", "ObservedSink"]

Item = tuple[str, Batch | Rejected]
_HEARTBEAT: Final = b'{"type":"heartbeat"'  # as our codec writes it, and heartbeats are written by us
_MEMBERSHIP: Final = b'{"type":"membership"'
_NOT_CONNECTED: Final = b'"connected":false'
_OURS: Final = f'"source":"{WATCHDOG}"'.encode()
_RECEIVED: Final = re.compile(rb'"ts_received": ?(\d{19})')
"""Read without decoding the record, which may be large; who writes it otherwise is known by the message's stamp."""
_BEGINNING: Final = 512
_LOOKED_AT: Final = 64
"""Of a batch of the control key: enough to hear every ingester of a log that is followed live."""
_BETWEEN_LOOKS: Final = 250 * MILLISECOND
_STALE: Final = b'"stale":true}'


class _GapCount(msgspec.Struct):
    kind: str
    count: int


class EngineObserver:
    """What passes a worker's ends, as its vitals.

    What is known to begin with is what the engine before knew: it goes on from there as the engine does from its state,
    and a key that has been silent since is not heard anew.

    Parameters:
        timeframe: on which an instrument has to be judged for it to be ready.
    """

    def __init__(self, pulse: Pulse, timeframe: Timeframe) -> None:
        self.pulse = pulse
        self._timeframe = timeframe
        self.vitals = pulse.engine = pulse.engine or EngineVitals()
        self._snapshot = 0

    def begin_anew(self) -> None:
        """There is no state to resume from; what has arrived on the log has arrived all the same."""
        self.vitals = self.pulse.engine = EngineVitals(keys=self.vitals.keys, sources=self.vitals.sources)

    def read(self, latest: Mapping[str, Batch | Rejected], now: int) -> None:
        """The last that the source has handed on of each key; ``now`` in ns, monotonic."""
        for name, batch in latest.items():
            if isinstance(batch, Batch):
                self._arrived(name, batch, now)

    def closed(self, record: Told) -> None:
        """An instrument or the control key tells the desk."""
        vitals = self.vitals
        if isinstance(record, Reading):
            return
        if isinstance(record, Standing):
            now, known = time.monotonic_ns(), vitals.members
            vitals.members = {member: known.get(member, now) for member in record.members}
            vitals.members_to = record.ts_close
            return
        vitals.told[record.instrument_id] = record.ts_close
        if record.ts_close > vitals.newest:
            vitals.newest, vitals.newest_at = record.ts_close, time.monotonic_ns()
        said = next((said for said in record.records if said.timeframe == self._timeframe), None)
        if said is None:
            return
        if isinstance(said, Vector):
            unknown = [name for name in USED if said.features.get(name) is None]
            why = f"{', '.join(unknown)} not known yet" if unknown else ""
        else:
            why = said.reason
        if why:
            vitals.unready[record.instrument_id] = why
        else:
            vitals.unready.pop(record.instrument_id, None)

    def wrote(self, lane: str, records: list[Outgoing], took: int) -> None:
        """A sink has written ``records`` in ``took`` ns."""
        counts, sink = self.pulse.counts, self.vitals.sinks.setdefault(lane, SinkVitals())
        sink.writes += 1
        sink.seconds += took / SECOND
        sink.last_ms = took / MILLISECOND
        topics = Counter([record.topic for record in records])
        for topic, count in topics.items():
            counts[f"written.{topic}"] += count
        if "features.books" in topics:
            stale = self.vitals.stale
            for record in records:
                if record.topic == "features.books":
                    (stale.add if record.value.endswith(_STALE) else stale.discard)(record.key)
        if "quality.gaps" in topics:
            for record in records:
                if record.topic == "quality.gaps":
                    gap = msgspec.json.decode(record.value, type=_GapCount)
                    counts[f"gaps.{gap.kind}"] += gap.count
        if "quality.drift" in topics:
            for record in records:
                if record.topic == "quality.drift":
                    self._drifted(msgspec.json.decode(record.value, type=Drift))

    def settled(self, lane: str, took: int) -> None:
        """A sink has waited ``took`` ns until what it has written was acknowledged."""
        self.vitals.sinks.setdefault(lane, SinkVitals()).seconds += took / SECOND

    def _drifted(self, told: Drift) -> None:
        model = told.instrument_id.partition(":")[2]
        self.pulse.counts[f"drift_alerts.{model}"] += told.alert
        now, known = time.monotonic_ns(), self.vitals.drift.get(model)
        if known is None or known.ts_close != told.ts_close:
            known = self.vitals.drift[model] = DriftVitals(seen=now, ts_close=told.ts_close)
        known.seen = now
        if told.measure in {"psi", "psi_day"} and told.threshold is not None:
            beyond = told.value - told.threshold
            if not known.feature or beyond > known.psi - known.threshold:
                known.feature, known.psi, known.threshold = told.feature, told.value, told.threshold

    def snapshotting(self, now: int) -> None:
        """The source tells where it goes on: an epoch ends."""
        self._snapshot = now

    def snapshotted(self, now: int) -> None:
        """A sink told how far it has written, behind every step."""
        if self._snapshot:
            self.vitals.epoch_ms = (now - self._snapshot) / MILLISECOND

    def _arrived(self, key: str, batch: Batch, now: int) -> None:
        _, ts_ms, value = batch.messages[-1]
        received = _RECEIVED.search(value, 0, _BEGINNING)
        ts = int(received[1]) if received else ts_ms * MILLISECOND
        beat = value.startswith(_HEARTBEAT)
        if beat and _OURS in value:
            return
        beat = beat and _NOT_CONNECTED not in value
        known = self.vitals.keys.get(key)
        if known is None:
            self.vitals.keys[key] = KeyVitals(partition=batch.partition, ts=ts, seen=now, beats=beat)
        else:
            known.partition, known.ts, known.seen = batch.partition, ts, now
            known.beats = known.beats or beat

    def hear(self, batch: Batch, now: int) -> None:
        """The source hands on messages of the control key: who beats it, and whom they feed."""
        self._arrived(CONTROL, batch, now)
        sources, messages = self.vitals.sources, batch.messages
        first = len(messages) - _LOOKED_AT
        for number, (_, _, value) in enumerate(messages):
            if number < first and not value.startswith(_MEMBERSHIP):
                continue
            try:
                event = decode_event(value)
            except DecodeError:
                continue  # becomes a dead letter
            if not isinstance(event, (Membership, Heartbeat)) or event.source == WATCHDOG:
                continue
            if isinstance(event, Heartbeat) and not event.connected:
                if event.source in sources:
                    sources[event.source].gone = True
                continue
            if isinstance(event, Membership) and not event.instrument_ids:
                sources.pop(event.source, None)  # it has ended as it should
                continue
            source = sources.setdefault(event.source, SourceVitals(seen=now, heard=event.ts_event))
            source.seen, source.gone = now, False
            if isinstance(event, Membership):
                source.members = event.instrument_ids
            if event.ts_event != source.heard:
                source.heard, source.pause = event.ts_event, max(event.ts_event - source.heard, 0)


class ObservedLog(FixedPartitionedSource[Item, bytes]):
    """`KafkaLog` under observation; parts, states and guarantees are its own."""

    def __init__(self, log: KafkaLog, observer: EngineObserver) -> None:
        self._log, self._observer = log, observer

    def list_parts(self) -> list[str]:
        """Those of the log."""
        return self._log.list_parts()

    def build_part(self, step_id: str, for_part: str, resume_state: bytes | None) -> "_Part":
        """Raises as the log does."""
        if resume_state is None:
            self._observer.begin_anew()
        return _Part(int(for_part), self._log.build_part(step_id, for_part, resume_state), self._observer)


class _Part(StatefulSourcePartition[Item, bytes]):
    def __init__(self, partition: int, part: Any, observer: EngineObserver) -> None:
        self._partition, self._part, self._observer = partition, part, observer
        self._latest: dict[str, Batch | Rejected] = {}
        self._look, self._counted = 0, part.position()[0]

    def next_batch(self) -> list[Item]:
        items: list[Item] = self._part.next_batch()
        now, latest = time.monotonic_ns(), self._latest
        if items:
            latest.update(items)  # all that a batch costs; what it means is looked at four times a second
            control = latest.pop(CONTROL, None)
            if isinstance(control, Batch):
                self._observer.hear(control, now)
        if now >= self._look:
            self._look_at_all(now)
            self._look = now + _BETWEEN_LOOKS
        return items

    def _look_at_all(self, now: int) -> None:
        following, end = self._part.position()
        pulse = self._observer.pulse
        self._observer.read(self._latest, now)
        self._latest.clear()
        pulse.read_to((LOG, self._partition), following, end)
        pulse.counts["events"] += following - self._counted
        self._counted = following

    def next_awake(self) -> datetime | None:
        awake: datetime | None = self._part.next_awake()
        return awake

    def snapshot(self) -> bytes:
        self._observer.snapshotting(time.monotonic_ns())
        state: bytes = self._part.snapshot()
        return state

    def close(self) -> None:
        self._look_at_all(time.monotonic_ns())  # what came since the last look counts too
        self._part.close()


class ObservedSink(FixedPartitionedSink[Outgoing, Any]):
    """A lane's sink under observation; parts, states and guarantees are its own."""

    def __init__(self, lane: str, sink: FixedPartitionedSink[Outgoing, Any], observer: EngineObserver) -> None:
        self._lane, self._sink, self._observer = lane, sink, observer

    def list_parts(self) -> list[str]:
        """Those of the sink."""
        return self._sink.list_parts()

    def part_fn(self, item_key: str) -> int:
        """The sink's."""
        return self._sink.part_fn(item_key)

    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> "_SinkPart":
        """Raises as the sink does."""
        part = self._sink.build_part(step_id, for_part, resume_state)
        return _SinkPart(self._lane, part, self._observer)


class _SinkPart(StatefulSinkPartition[Outgoing, Any]):
    def __init__(self, lane: str, part: StatefulSinkPartition[Outgoing, Any], observer: EngineObserver) -> None:
        self._lane, self._part, self._observer = lane, part, observer

    def write_batch(self, values: list[Outgoing]) -> None:
        begun = time.monotonic_ns()
        self._part.write_batch(values)
        self._observer.wrote(self._lane, values, time.monotonic_ns() - begun)

    def snapshot(self) -> Any:
        begun = time.monotonic_ns()
        state = self._part.snapshot()
        now = time.monotonic_ns()
        self._observer.settled(self._lane, now - begun)
        self._observer.snapshotted(now)
        return state

    def close(self) -> None:
        self._part.close()
