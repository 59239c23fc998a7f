"""Parity: the log once more through the engine, held against what the live engine wrote."""

from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct

from flows.committed import committed
from flows.engine import engine_flow
from flows.errors import FlowError
from flows.memory import Kept
from flows.runtime import run_here
from flows.settings import Settings, kafka_client
from schemas.errors import place
from schemas.message import Message
from schemas.time import MILLISECOND, to_text
from schemas.topics import LOG, TOPICS, Outgoing
from sources.log import KafkaLog

__all__ = ["Name", "Parity", "Result", "to_come", "verify_parity"]

_COMPARED: Final = [topic.name for topic in TOPICS if topic.lane != "log" and not topic.compacted]

_OF_THE_DESK: Final = {topic.name for topic in TOPICS if topic.lane == "signals"} | {"features.context"}

Name = tuple[str, str]
"""Topic and identifier."""


class Parity(Struct, frozen=True):
    """What the comparison found."""

    compared: int
    pending: int
    """Results that live has not come to yet."""
    repeated: int
    """Equal results that stand there once more, as a crash may leave them where nothing is transactional."""
    difference: str | None
    """The first one, with its place; ``None``: identical."""
    differences: int


class Result(NamedTuple):
    key: str
    ts_ms: int
    digest: bytes
    place: str


class _Live(Struct):
    """What the topics hold."""

    results: dict[Name, Result]
    contradictions: set[Name]
    """What stands there with two contents."""
    twice: dict[Name, str]
    """What stands there again, equal, and must not; the place."""
    repeated: int
    """What stands there again, equal, and may."""


def verify_parity(settings: Settings, *, since: int = 0, until: int | None = None, running: bool = False) -> Parity:
    """Read the whole log, and compare every result decided in ``[since, until)`` (ns) with the result topics.

    While the engine is ``running`` it may be behind the log's end: what is `to_come` is pending then, no difference.

    The engine always begins at the log's first message, since what it knows comes from there; ``since`` leaves out the
    results of a time for which the log no longer holds what came before.

    A signal stands in its topic exactly once, one twice is a difference; of features an equal one may be repeated, and
    of signals where ``kafka.transactions`` is off. Compacted topics are left out: they hold the newest record of a key,
    which a resumed engine writes again.

    Raises:
        CandlewickError: broker or topics are not there.
    """
    lowest, highest = since // MILLISECOND, None if until is None else until // MILLISECOND

    def asked(ts_ms: int) -> bool:
        return ts_ms >= lowest and (highest is None or ts_ms < highest)

    found = _live(settings, asked)
    live = found.results
    replayed: dict[Name, Result] = {}

    def keep(record: Outgoing) -> None:
        if record.topic in _COMPARED and asked(record.ts_ms):
            replayed[record.topic, record.id] = Result(record.key, record.ts_ms, _digest(record.value), "")

    _replay(settings, keep)
    missing = [name for name in replayed if name not in live]
    pending = set(to_come(replayed, live)) if running else set()
    wrong = {name for name in replayed if name in live and live[name].digest != replayed[name].digest}
    wrong.update(name for name in missing if name not in pending)
    wrong.update(name for name in live if name not in replayed)
    wrong.update(found.contradictions, found.twice)
    if not wrong:
        return Parity(len(live), len(pending), found.repeated, None, 0)
    first = min(wrong, key=lambda name: ((live.get(name) or replayed[name]).ts_ms, name))
    return Parity(len(live), len(pending), found.repeated, _describe(settings, first, found, replayed), len(wrong))


def to_come(replayed: Mapping[Name, Result], live: Mapping[Name, Result]) -> Iterator[Name]:
    """What is missing of ``replayed`` and newer than everything that its step has written of its instrument.

    The desk has its own pace: it waits for all members.
    """
    reached: dict[tuple[bool, str], int] = {}
    for (topic, _), result in live.items():
        of = topic in _OF_THE_DESK, result.key
        reached[of] = max(result.ts_ms, reached.get(of, -1))
    for name, result in replayed.items():
        if name not in live and result.ts_ms > reached.get((name[0] in _OF_THE_DESK, result.key), -1):
            yield name


def _live(settings: Settings, asked: Callable[[int], bool]) -> _Live:
    once = {topic.name for topic in TOPICS if topic.lane == "signals" and settings.kafka.transactions}
    found = _Live({}, set(), {}, 0)
    for message in committed(settings, _COMPARED):
        value = message.value or b""
        record = _decoded(message, value)
        if message.topic == "dead_letters" and record.get("topic") != LOG:
            continue  # written by an ingester, not by the engine
        if not asked(message.ts_ms):
            continue
        name = (message.topic, str(record.get("id")))
        where = place(message.topic, message.partition, message.offset)
        result = Result((message.key or b"").decode(), message.ts_ms, _digest(value), where)
        first = found.results.setdefault(name, result)
        if first.digest != result.digest:
            found.contradictions.add(name)
        elif first is not result and message.topic in once:
            found.twice.setdefault(name, where)
        elif first is not result:
            found.repeated += 1
    return found


def _decoded(message: Message, value: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(value, type=dict[str, Any])
    except msgspec.DecodeError as error:
        where = place(message.topic, message.partition, message.offset)
        raise FlowError(f"{where} is not a result: {error}") from error


def _replay(settings: Settings, keep: Callable[[Outgoing], None]) -> None:
    log = KafkaLog(kafka_client(settings), until_end=True, max_ahead_s=settings.engine.max_ahead_s)
    run_here(engine_flow(settings, log, Kept(keep), Kept(keep)))


def _describe(settings: Settings, name: Name, found: _Live, replayed: dict[Name, Result]) -> str:
    """The difference in words; replays and reads once more, since only digests were kept."""
    topic, identifier = name
    live = found.results
    if name not in live:
        result = replayed[name]
        at = to_text(result.ts_ms * MILLISECOND)
        return f"{topic}: {identifier} of {result.key} at {at} is missing from the topic"
    where = f"{live[name].place}: {identifier} of {live[name].key}"
    if name not in replayed:
        return f"{where} is not what the log gives: no such record"
    if name in found.twice:
        return f"{where} stands there again at {found.twice[name]}: a signal is published once"
    mine: list[bytes] = []
    _replay(settings, lambda record: mine.append(record.value) if (record.topic, record.id) == name else None)
    for message in committed(settings, _COMPARED):
        value = message.value or b""
        if message.topic == topic and _digest(value) != replayed[name].digest:
            record = msgspec.json.decode(value)
            if str(record.get("id")) == identifier:
                path, theirs, ours = _unequal("$", record, msgspec.json.decode(mine[0]))
                at = place(message.topic, message.partition, message.offset)
                return f"{at}: {identifier} of {live[name].key}: {path} is {theirs!r}, the log gives {ours!r}"
    raise FlowError(f"{where} changed while it was compared")


def _unequal(path: str, theirs: Any, ours: Any) -> tuple[str, Any, Any]:
    """The first place at which two JSON values differ."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in [*theirs, *(key for key in ours if key not in theirs)]:
            if theirs.get(key) != ours.get(key):
                return _unequal(f"{path}.{key}", theirs.get(key), ours.get(key))
    if isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        for number, pair in enumerate(zip(theirs, ours, strict=True)):
            if pair[0] != pair[1]:
                return _unequal(f"{path}[{number}]", *pair)
    return path, theirs, ours


def _digest(value: bytes) -> bytes:
    return blake2b(value, digest_size=16).digest()
