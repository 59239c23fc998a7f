"""Whether an engine could go on with what a recovery directory holds."""

from collections.abc import Iterator
from typing import Any

from flows.engine import desk_config, instrument_config, registry
from flows.errors import FlowError
from flows.settings import Settings, kafka_client
from flows.state.manifest import MANIFEST, changes, foreign, manifest_of, read_manifest
from flows.state.snapshots import DATABASE, Snapshot, damage, opened, snapshots
from operators.control import Control
from operators.desk.desk import Desk
from operators.instrument import Instrument
from schemas.errors import CandlewickError
from schemas.market import CONTROL
from schemas.topics import LOG
from sinks.kafka import LAYOUT as SINK
from sinks.readback import missing
from sources.kafka import LogError, consumer, consumer_settings, offset_range
from sources.log import LAYOUT as SOURCE

__all__ = ["check", "places"]


def check(settings: Settings) -> Iterator[str]:
    """What is wrong, a line each; nothing if an engine could go on.

    Raises:
        FlowError: there is no state.
    """
    directory = settings.engine.recovery_dir
    with opened(directory) as connection:
        wrong = damage(connection, thoroughly=True)
        if wrong is not None:
            yield f"{directory / DATABASE} is damaged: {wrong}"
            return
        try:
            found = list(snapshots(connection))
        except FlowError as error:
            yield str(error)
            return
    for snapshot in found:
        try:
            _restore(snapshot, settings)
        except CandlewickError as error:
            yield f"{snapshot.step}, key {snapshot.key}: {error}"
    try:
        yield from _manifest(settings)
        yield from _offsets(settings, found)
    except CandlewickError as error:
        yield str(error)


def places(snapshot: Snapshot) -> list[tuple[str, int, int]]:
    """Topic, partition and offset that a source goes on at, or that a sink reads back from.

    Raises:
        LayoutError: the state cannot be read.
    """
    if snapshot.step == "log":
        return [(LOG, int(snapshot.key), SOURCE.unseal(snapshot.state)["offset"])]
    if snapshot.step in ("features", "signals"):
        return [(topic, at, offset) for topic, at, offset in SINK.unseal(snapshot.state)["following"]]
    return []


def _restore(snapshot: Snapshot, settings: Settings) -> None:
    state: Any = snapshot.state
    if snapshot.step == "desk":
        Desk.restored(state, desk_config(settings), registry(settings))
    elif snapshot.step == "instrument":
        key, packed = state
        if key == CONTROL:
            Control.restored(packed, instrument_config(settings))
        elif packed:
            Instrument.restored(packed, instrument_config(settings))
    else:
        places(snapshot)


def _manifest(settings: Settings) -> Iterator[str]:
    found = read_manifest(settings.engine.recovery_dir)
    if found is None:
        yield f"there is no {MANIFEST}: whose state it is cannot be known"
        return
    mine = manifest_of(settings)
    stranger = foreign(mine, found)
    if stranger is not None:
        yield f"it is not of this engine: {stranger}"
    yield from (f"setting {changed}" for changed in changes(mine, found))


def _offsets(settings: Settings, found: list[Snapshot]) -> Iterator[str]:
    with consumer(consumer_settings(kafka_client(settings))) as asked:
        for snapshot in found:
            try:
                listed = places(snapshot)
            except CandlewickError:
                continue  # told already
            for topic, partition, offset in listed:
                try:
                    low, high = offset_range(asked, topic, partition)
                except LogError as error:
                    yield str(error)
                else:
                    if (lost := missing((topic, partition), offset, low, high)) is not None:
                        yield lost
