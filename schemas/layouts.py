"""Recovery states: plain data of a stated kind and version under a checksum, and the ways from one version to the next.

A state outlives the program that wrote it. What reads it either knows its version, or a way from there to its own, or
refuses it in words; and a byte that changed on the disk is told apart from a state.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple
from zlib import crc32

import msgspec

from schemas.errors import CandlewickError

__all__ = ["REBUILD", "Layout", "LayoutError", "Migration", "Sealed", "peek", "unversioned"]

REBUILD: Final = (
    "move the recovery directory away and make the state anew from the log with "
    "`candlewick run --rebuild-from earliest`"
)
"""The advice wherever a state cannot be gone on with."""
Migration = Callable[[Any], Any]
"""From the plain data of one version to that of the next; pure."""
_CHECKSUM: Final = 4  # bytes


class LayoutError(CandlewickError):
    """A recovery state that is damaged, of another kind, or of a version from which no way leads here."""


class Sealed(NamedTuple):
    """What a sealed state says of itself."""

    kind: str
    version: int
    state: Any


class Layout:
    """The version in which one kind of state is written, and the ways from older ones.

    Parameters:
        kind: what it is the state of.
        version: raised whenever the meaning of the plain data changes.
        migrations: by the version that each starts from.

    >>> layout = Layout("counter", 2, {1: lambda state: {"count": state}})
    >>> layout.unseal(layout.seal({"count": 3}))
    {'count': 3}
    >>> layout.unseal(Layout("counter", 1).seal(3))
    {'count': 3}
    """

    def __init__(self, kind: str, version: int, migrations: Mapping[int, Migration] | None = None) -> None:
        self.kind, self.version = kind, version
        self._migrations = dict(migrations or {})

    def seal(self, state: Any) -> bytes:
        """``state``, which msgpack can hold, with kind, version and checksum."""
        packed = msgspec.msgpack.encode((self.kind, self.version, state))
        return crc32(packed).to_bytes(_CHECKSUM, "big") + packed

    def unseal(self, sealed: Any) -> Any:
        """The plain data in ``sealed``, brought to this version.

        Raises:
            LayoutError: see there.
        """
        kind, version, state = peek(sealed)
        if kind not in (self.kind, ""):
            raise LayoutError(f"this is the state of {kind}, not of {self.kind}")
        return self.bring(version, state)

    def bring(self, version: int, state: Any) -> Any:
        """``state`` of ``version`` as one of this version.

        Raises:
            LayoutError: it is newer, or no way leads from there.
        """
        if version > self.version:
            raise LayoutError(
                f"{self.kind} state has version {version}, newer than {self.version}, which this program reads: use "
                "the newer program"
            )
        while version < self.version:
            if version not in self._migrations:
                raise LayoutError(
                    f"{self.kind} state has version {version}, this program reads {self.version} and knows no way from "
                    f"there: {REBUILD}"
                )
            state = self._migrations[version](state)
            version += 1
        return state


def peek(sealed: Any) -> Sealed:
    """What is in ``sealed``, as it stands there; version 1 of some kinds was a bare dict without a kind.

    Raises:
        LayoutError: damaged, or no state at all.
    """
    if isinstance(sealed, dict) and "version" in sealed:
        return Sealed("", sealed["version"], sealed)
    if not isinstance(sealed, bytes):
        raise LayoutError(f"no recovery state, but {type(sealed).__name__}")
    checksum, packed = sealed[:_CHECKSUM], sealed[_CHECKSUM:]
    if crc32(packed).to_bytes(_CHECKSUM, "big") != checksum:
        raise LayoutError("its checksum is wrong: the recovery state was damaged")
    try:
        return msgspec.msgpack.decode(packed, type=Sealed)
    except (msgspec.MsgspecError, ValueError) as error:
        raise LayoutError(f"no recovery state: {error}") from error


def unversioned(state: dict[str, Any]) -> dict[str, Any]:
    """A `Migration` of bare dicts, whose version now stands beside them."""
    return {key: value for key, value in state.items() if key != "version"}
