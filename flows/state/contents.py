"""What a recovery directory holds, for people and programs to look at."""

from pathlib import Path

from msgspec import Struct

from flows.state.check import places
from flows.state.manifest import Manifest, read_manifest
from flows.state.snapshots import Snapshot, opened, resume_epoch, snapshots
from schemas.errors import place
from schemas.layouts import LayoutError, peek

__all__ = ["Contents", "Key", "contents"]


class Key(Struct, frozen=True):
    """The state of one key of one step."""

    step: str
    key: str
    kind: str
    version: int | None
    epoch: int
    """At whose end it was taken."""
    size: int
    """Bytes."""
    places: list[str]
    """Where a source goes on, from where a sink reads back."""
    fault: str | None
    """Why it cannot be read."""


class Contents(Struct, frozen=True):
    """All of it."""

    directory: str
    manifest: Manifest | None
    resume_epoch: int
    keys: list[Key]


def contents(directory: Path) -> Contents:
    """What an engine would resume from, as it stands there now.

    Raises:
        FlowError: there is no state, or it is not plain data.
    """
    with opened(directory) as connection:
        return Contents(
            directory=str(directory),
            manifest=read_manifest(directory),
            resume_epoch=resume_epoch(connection),
            keys=[_key(snapshot) for snapshot in snapshots(connection)],
        )


def _key(snapshot: Snapshot) -> Key:
    state, kind, version, found, fault = snapshot.state, snapshot.step, None, [], None
    if isinstance(state, tuple):  # the instrument's step keeps the key beside the state
        state = state[1]
    try:
        if state:  # else it has only refused records
            sealed = peek(state)
            kind, version = sealed.kind or kind, sealed.version
        found = [place(*at) for at in places(snapshot)]
    except LayoutError as error:
        fault = str(error)
    return Key(snapshot.step, snapshot.key, kind, version, snapshot.epoch, snapshot.size, found, fault)
