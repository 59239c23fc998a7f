"""From where in the log a state that is not there is made, and what of its results may be written already."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from msgspec import Struct

from flows.errors import FlowError
from flows.moments import moment
from flows.settings import Settings, kafka_client
from flows.state.manifest import Bridge
from schemas.errors import place
from schemas.time import HOUR, MILLISECOND, to_text
from schemas.topics import LOG, TOPICS
from sinks.clients import admin, answering, existing
from sinks.gate import Past
from sinks.grace import Grace, never
from sinks.kafka_admin import EARLIEST, LATEST
from sinks.readback import committed, offsets
from sources.kafka import TIMEOUT_S, consumer, consumer_settings, offset_range

__all__ = ["Begin", "begin", "first_at", "log_ends"]

_ADVICE: Final = (
    "if it was lost, restore a backup, or make it anew with `candlewick run --rebuild-from earliest` (or a time)"
)
_LOST: Final = "what led to them is not all there any more"
_UNLIKE: Final = "not all of them are known to be of this program and these settings"
_VECTORS: Final = "features.vectors"
_log: Final = logging.getLogger(__name__)
_TAIL: Final = 20_000
"""Of a partition's vectors; hours of them."""
_RESULTS: Final = [topic.name for topic in TOPICS if topic.lane != "log" and not (topic.shared or topic.compacted)]

_Ranges = dict[tuple[str, int], tuple[int, int]]
"""By topic and partition the first offset, and the one after the last."""


class _Close(Struct):
    ts_close: int


_close: Final = msgspec.json.Decoder(_Close)


class Begin(Struct, frozen=True):
    """Where to begin."""

    starts: dict[int, int]
    """By partition of the log the first offset to be read."""
    bridge: Bridge | None
    fresh: bool
    """Nothing is written yet."""


def begin(settings: Settings, rebuild_from: str | None, *, alike: bool = True) -> Begin:
    """Where an engine without a state begins: at the log's first message, or at ``rebuild_from``.

    That is ``earliest``, a time in ISO 8601, or one offset for all partitions. Without it, the results that are there
    must be those that the log gives again: there are none, or they are ``alike`` (all of this program and these
    settings) and neither log nor result topics have lost their beginning.

    Raises:
        FlowError: that is not so, or there is no such place in the log.
        LogError: the broker does not answer.
    """
    client = kafka_client(settings)
    asked = admin(client)
    with answering(settings.kafka.bootstrap):
        log, results = _ranges(asked, [LOG]), _ranges(asked, _RESULTS)
        lows = {partition: first for (_, partition), (first, _) in log.items()}
        fresh = all(first == last for first, last in results.values())
        if rebuild_from is None:
            lost = any(lows.values()) or any(first for first, _ in results.values())
            if not fresh and (lost or not alike):
                raise FlowError(
                    f"engine.recovery_dir {settings.engine.recovery_dir} holds no state, but there are results, and "
                    f"{_LOST if lost else _UNLIKE}: {_ADVICE}"
                )
            return Begin(lows, None, fresh)
        starts = lows if rebuild_from == "earliest" else _starts(client, log, rebuild_from)
        late = any(starts.values())
        whole = (alike or fresh) and not late
        decided_to = 0 if whole else _decided_to(client, results)
        if decided_to:
            _warn(client, starts, decided_to)
    ends = {partition: last for (_, partition), (_, last) in log.items()}
    return Begin(starts, Bridge(ends=ends, past=Past(whole=whole, decided_to=decided_to), late=late), fresh)


def log_ends(settings: Settings) -> dict[int, int]:
    """By partition of the log the offset after its last record.

    Raises:
        FlowError: the broker does not answer.
    """
    with answering(settings.kafka.bootstrap):
        ranges = _ranges(admin(kafka_client(settings)), [LOG])
    return {partition: last for (_, partition), (_, last) in ranges.items()}


def _ranges(asked: AdminClient, topics: Iterable[str]) -> _Ranges:
    known = existing(asked)
    places = [(topic, at) for topic in topics if topic in known for at in range(known[topic])]
    first, last = (offsets(asked, places, spec, Grace(never)) for spec in (EARLIEST, LATEST))
    return {place: (first[place], last[place]) for place in places}


def _starts(client: Mapping[str, Any], log: _Ranges, rebuild_from: str) -> dict[int, int]:
    if not rebuild_from.isdecimal():
        found = first_at(client, [at for _, at in log], moment("--rebuild-from", rebuild_from))
        return {at: found.get(at, last) for (_, at), (_, last) in log.items()}
    offset = int(rebuild_from)
    for (_, partition), (first, last) in log.items():
        if not first <= offset <= last:
            raise FlowError(f"--rebuild-from {offset}: {LOG}[{partition}] holds offsets {first} to {last}")
    return {partition: offset for _, partition in log}


def first_at(client: Mapping[str, Any], partitions: Iterable[int], ts: int) -> dict[int, int]:
    """By partition of the log the offset of the first record that is not older than ``ts`` (ns), where there is one; of
    a broker that does not look by time, as the embedded one, of the first record.
    """
    with consumer(consumer_settings(client)) as reader:

        def first(where: Iterable[int], since_ms: int) -> dict[int, int]:
            asked = [TopicPartition(LOG, partition, since_ms) for partition in where]
            answers = reader.offsets_for_times(asked, TIMEOUT_S) if asked else []
            return {at.partition: at.offset for at in answers if at.offset >= 0}

        every = set(partitions)
        found = first(every, ts // MILLISECOND)
        untold = every - found.keys()
        for partition in untold - first(untold, 0).keys():
            found[partition], _ = offset_range(reader, LOG, partition)
        return found


def _warn(client: Mapping[str, Any], starts: Mapping[int, int], decided_to: int) -> None:
    """Say so if the log is not read from before the place where the engine had stopped."""
    stopped = first_at(client, starts, decided_to)
    missing = [place(LOG, at, starts[at]) for at, offset in stopped.items() if offset <= starts[at]]
    if missing:
        _log.warning(
            "%s begins after %s, up to which results are written: those of what lies between are missing",
            ", ".join(missing), to_text(decided_to),
        )  # fmt: skip


def _decided_to(client: Mapping[str, Any], results: _Ranges) -> int:
    """The close up to which the vectors of all instruments are written that gave one within the last hour of theirs.

    Each close has a record of every member, and the desk decides as soon as it has them all.
    """
    begins = {
        place: max(low, high - _TAIL) for place, (low, high) in results.items() if place[0] == _VECTORS and high > low
    }
    closes: dict[bytes, int] = {}
    for message in committed(client, begins) if begins else ():
        key, close = message.key() or b"", _close.decode(message.value() or b"").ts_close
        closes[key] = max(close, closes.get(key, 0))
    newest = max(closes.values(), default=0)
    return min((close for close in closes.values() if close >= newest - HOUR), default=0)
