"""Whose state a recovery directory holds: of which flow, on which log, with which settings."""

import os
from collections.abc import Iterator
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import msgspec
from confluent_kafka import TopicCollection
from msgspec import Struct
from msgspec.structs import fields, replace

from flows.engine import FLOW, desk_config, instrument_config
from flows.errors import FlowError
from flows.settings import Settings, kafka_client
from operators.config import DeskConfig, InstrumentConfig
from operators.desk.confluence import NAME, VERSION
from operators.desk.context import CONTEXT_HASH
from operators.features import SCHEMA_HASH
from schemas.topics import LOG
from sinks.clients import TIMEOUT_S, admin, answering
from sinks.gate import Past

__all__ = [
    "MANIFEST",
    "SEVERAL",
    "Bridge",
    "Log",
    "Manifest",
    "changes",
    "foreign",
    "manifest_of",
    "read_manifest",
    "write_manifest",
]

MANIFEST: Final = "candlewick.json"
_LAYOUT: Final = 1
"""Of the directory as a whole; each state in it has a version of its own (`schemas.layouts`)."""
_MOCK: Final = "mockCluster"
SEVERAL: Final = "several"
_HARMLESS: Final = {"max_waiting"}
"""Beyond it the engine stops; it changes no result."""


class Log(Struct, frozen=True, kw_only=True):
    """The topic that the state follows from."""

    cluster: str
    topic: str
    topic_id: str | None
    """``None`` where the broker gives none; a topic that was deleted and made anew has another one."""
    partitions: int


class Bridge(Struct, frozen=True, kw_only=True):
    """What the engine gives may differ from what is written already, until the log is read beyond ``ends``."""

    ends: dict[int, int]
    """By partition where the log ended when this began: what follows from later records is new for sure."""
    past: Past | None
    """Of a state that is made anew; ``None``: it is gone on with, by another program or under other settings."""
    late: bool = False
    """Made anew from a log without its beginning: what is new to us before ``ends`` is not new."""


class Manifest(Struct, frozen=True, kw_only=True):
    """What stands in the directory beside the states."""

    layout: int = _LAYOUT
    flow: str
    program: str
    """Which version made the directory."""
    log: Log
    instrument: InstrumentConfig
    desk: DeskConfig
    """With the one above: every setting that changes results."""
    starts: dict[int, int] = {}
    """By partition the offset of the log at which the state begins."""
    bridge: Bridge | None = None
    maker: str = ""
    """Who gives the results: program, features, strategy and settings as one word."""
    makers: str = ""
    """Who has given all results that are written, if it is one; else `SEVERAL`."""


def manifest_of(settings: Settings) -> Manifest:
    """What an engine of these settings would write, before it knows where it begins.

    Raises:
        SinkError: the broker does not answer.
        FlowError: it has no log.
    """
    program, instrument, desk = version("candlewick"), instrument_config(settings), desk_config(settings)
    return Manifest(
        flow=FLOW,
        program=program,
        log=_log(settings),
        instrument=instrument,
        desk=desk,
        maker=_word(program, instrument, desk),
    )


def _word(program: str, instrument: InstrumentConfig, desk: DeskConfig) -> str:
    desk = replace(desk, **{name: getattr(DeskConfig(), name) for name in _HARMLESS})
    said = msgspec.json.encode([program, SCHEMA_HASH, CONTEXT_HASH, NAME, VERSION, instrument, desk])
    return sha256(said).hexdigest()[:16]


def _log(settings: Settings) -> Log:
    asked, bootstrap = admin(kafka_client(settings)), settings.kafka.bootstrap
    with answering(bootstrap):
        found = asked.list_topics(timeout=TIMEOUT_S)
        cluster = str(found.cluster_id)
        if LOG not in found.topics:
            raise FlowError(f"topic {LOG}: there is none at {bootstrap}; `candlewick topics create` makes it")
        topic_id = None
        if not cluster.startswith(_MOCK):  # which does not know the question
            answers = asked.describe_topics(TopicCollection([LOG]), request_timeout=TIMEOUT_S)
            topic_id = str(answers[LOG].result().topic_id)
    return Log(cluster=cluster, topic=LOG, topic_id=topic_id, partitions=len(found.topics[LOG].partitions))


def read_manifest(directory: Path) -> Manifest | None:
    """The manifest in ``directory``; ``None`` if it has none yet.

    Raises:
        FlowError: it cannot be read, is of a newer program, or is none.
    """
    file = directory / MANIFEST
    try:
        raw = file.read_bytes()
        found: dict[str, Any] = msgspec.json.decode(raw, type=dict[str, Any])
        if found.get("layout", 0) > _LAYOUT:
            raise FlowError(
                f"{file}: layout {found['layout']}, of Candlewick {found.get('program')}, is newer than {_LAYOUT}, "
                "which this program reads: use the newer program"
            )
        return msgspec.json.decode(raw, type=Manifest)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError, ValueError, TypeError) as error:
        raise FlowError(f"{file} cannot be read: {error}; restore it from a backup") from error


def write_manifest(directory: Path, manifest: Manifest) -> None:
    """Put ``manifest`` there whole, or leave what is there.

    Raises:
        FlowError: the disk is full, or not to be written to.
    """
    file, fresh = directory / MANIFEST, directory / f"{MANIFEST}.new"
    try:
        with fresh.open("wb") as out:
            out.write(msgspec.json.format(msgspec.json.encode(manifest)))
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(file)
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise FlowError(f"engine.recovery_dir {directory} cannot be written to: {error.strerror}") from error


def foreign(mine: Manifest, found: Manifest) -> str | None:
    """Why the state that ``found`` describes is another engine's, if it is."""
    theirs, ours = found.log, mine.log
    if found.flow != mine.flow:
        return f"its flow is {found.flow}, this one is {mine.flow}"
    if theirs.cluster != ours.cluster:
        return f"its log is in Kafka cluster {theirs.cluster}, this one is {ours.cluster}"
    if theirs.topic_id != ours.topic_id:
        return f"topic {ours.topic} was deleted and made anew since (id {theirs.topic_id}, now {ours.topic_id})"
    if theirs.partitions != ours.partitions:
        return (
            f"topic {ours.topic} has {ours.partitions} partitions and had {theirs.partitions}: instruments have moved, "
            "and no order of theirs is left; ingest into a new topic"
        )
    return None


def changes(mine: Manifest, found: Manifest) -> list[str]:
    """The settings that change results and are not what they were."""
    return [*_changed(found.instrument, mine.instrument), *_changed(found.desk, mine.desk)]


def _changed(was: Struct, now: Struct, path: str = "") -> Iterator[str]:
    for field in fields(was):
        before, after = getattr(was, field.name), getattr(now, field.name)
        if isinstance(before, Struct):
            yield from _changed(before, after, f"{path}{field.name}.")
        elif before != after and field.name not in _HARMLESS:
            yield f"{path}{field.name} was {before!r} and is {after!r}"
