"""The recovery directory: one partition, private, held by one engine at a time, and of this flow, log and settings."""

import errno
import fcntl
import os
import re
import shutil
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from flows.engine import FLOW
from flows.errors import DiskFullError, FlowError
from flows.runtime import RecoveryConfig, init_db_dir
from flows.settings import Settings, kafka_client
from flows.state.manifest import (
    MANIFEST,
    SEVERAL,
    Bridge,
    Manifest,
    changes,
    foreign,
    manifest_of,
    read_manifest,
    write_manifest,
)
from flows.state.rebuild import begin, log_ends
from flows.state.snapshots import DATABASE, damage, flows_of, log_offsets, opened
from schemas.layouts import REBUILD
from sinks.lease import read_stamp

__all__ = ["MEMBER", "disk_faults", "held", "recovery"]

_LOCK: Final = "engine.lock"
MEMBER: Final = "engine.member"
"""As whom the broker knows the engine that ran here last (`sinks.lease`)."""
_OURS: Final = (_LOCK, MEMBER, MANIFEST, DATABASE, "lost+found")
_PAGE: Final = 32_768
"""Bytes: a state is tens of kilobytes, and SQLite writes, and asks the system to write, page by page."""
_ROOM: Final = 1 << 20
"""Bytes that have to fit in at the start; the state itself needs more, but then says so by itself."""
_GLANCE_S: Final = 1.0
"""`candlewick doctor` takes the lock for a moment, to see whether it is free."""
_NAP_S: Final = 0.01
_FULL: Final = {errno.ENOSPC, errno.EDQUOT}
_SQLITE: Final = re.compile(r'SqliteFailure\(.*?Some\("(.*?)"\)')


@contextmanager
def recovery(settings: Settings, *, rebuild_from: str | None = None, accept_settings: bool = False) -> Iterator[Any]:
    """Hold the directory, prepare it on first use, and see that its state is the one to go on with.

    Parameters:
        rebuild_from: where in the log to make the state anew, of a directory that has none (`flows.state.rebuild`).
        accept_settings: go on with a state that was made under other settings.

    Raises:
        FlowError: another engine holds it, it cannot be written, is damaged, or is not of this flow, log and settings.
        SinkError: the broker does not answer.
    """
    directory = settings.engine.recovery_dir
    with held(directory):
        _prepare(directory, settings, rebuild_from, accept_settings=accept_settings)
        yield RecoveryConfig(str(directory))


@contextmanager
def held(directory: Path) -> Iterator[None]:
    """Make ``directory`` ours alone; mode 0700, since what is resumed from is code that is trusted."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)
        handle = os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise FlowError(f"engine.recovery_dir {directory}: {error.strerror}; name a directory that is ours") from error
    deadline = time.monotonic() + _GLANCE_S
    while not _locked(handle):
        if time.monotonic() > deadline:
            os.close(handle)
            raise FlowError(
                f"engine.recovery_dir {directory} is held by another running engine; stop it or name another directory"
            )
        time.sleep(_NAP_S)
    try:
        yield
    finally:
        os.close(handle)


def _locked(handle: int) -> bool:
    with suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


@contextmanager
def disk_faults(directory: Path) -> Iterator[None]:
    """Bytewax panics where it cannot write; what SQLite said becomes our own error."""
    try:
        yield
    except RuntimeError as error:
        said = _SQLITE.search(str(error))
        if said is None:
            raise
        kind = DiskFullError if "full" in said[1] else FlowError
        raise kind(
            f"engine.recovery_dir {directory}: the state cannot be kept: {said[1]}; nothing is lost: see to the disk "
            "and start again"
        ) from error


def _prepare(directory: Path, settings: Settings, rebuild_from: str | None, *, accept_settings: bool) -> None:
    name = f"engine.recovery_dir {directory}"
    offsets = _look_around(directory, name)
    if rebuild_from is not None and offsets:
        raise FlowError(f"{name} holds a state, and --rebuild-from makes one anew: move the directory away")
    found, mine = read_manifest(directory), manifest_of(settings)
    if found is not None and (stranger := foreign(mine, found)) is not None:
        raise FlowError(f"{name} is not of this engine: {stranger}")
    makers = _makers(settings, found)
    alike = makers == mine.maker or not settings.kafka.transactions  # such a broker keeps nothing, not even results
    if not offsets and (found is None or rebuild_from is not None):
        place = begin(settings, rebuild_from, alike=alike)
        alike = alike or place.fresh
        manifest = replace(mine, starts=place.starts, bridge=place.bridge)
    elif found is None:  # of a program that wrote no manifest
        manifest = mine
    else:
        changed = changes(mine, found)
        if changed and not accept_settings:
            raise FlowError(
                f"{name}: settings that change results are not those of its state: {', '.join(changed)}; set them "
                "back, or go on with the new ones by `candlewick run --accept-settings`"
            )
        if not offsets and found.bridge is None and not alike:
            begin(settings, None, alike=False)  # refuses where there are results
        manifest = replace(mine, starts=found.starts, bridge=_bridge(found, offsets))
        if found.maker != mine.maker:
            bridge = manifest.bridge or Bridge(ends={}, past=None)
            manifest = replace(manifest, bridge=replace(bridge, ends=log_ends(settings)))
    manifest = replace(manifest, makers=mine.maker if alike else SEVERAL)
    if manifest != found:
        write_manifest(directory, manifest)
    if not (directory / DATABASE).exists():
        _create(directory)


def _makers(settings: Settings, found: Manifest | None) -> str | None:
    """Who has given the results that are written; ``None``: not known."""
    known = read_stamp(kafka_client(settings)) if settings.kafka.transactions else None
    return known or (found.makers or None if found is not None else None)


def _bridge(found: Manifest, offsets: Mapping[int, int]) -> Bridge | None:
    """The bridge that still holds, if the log is not read beyond it yet."""
    bridge = found.bridge
    if bridge is None or (offsets and all(offsets.get(at, 0) >= end for at, end in bridge.ends.items())):
        return None
    return bridge


def _look_around(directory: Path, name: str) -> dict[int, int]:
    """Where the log is gone on with, by partition; refuses what is not ours, not whole, or not to be written to."""
    known = {path.name for path in directory.iterdir()}
    strangers = sorted(found for found in known if not found.startswith(_OURS))
    if strangers and MANIFEST not in known:
        raise FlowError(f"{name} holds other files ({strangers[0]}): name a directory of ours")
    try:
        probe = directory / f"{MANIFEST}.probe"
        with probe.open("wb") as file:
            file.write(bytes(_ROOM))
            os.fsync(file.fileno())
        probe.unlink()
    except OSError as error:
        kind = DiskFullError if error.errno in _FULL else FlowError
        raise kind(f"{name} cannot be written to: {error.strerror}") from error
    if DATABASE not in known:
        return {}
    with opened(directory, "rw") as connection:
        wrong = damage(connection)
        if wrong is not None:
            raise FlowError(f"{name}: {DATABASE} is damaged: {wrong}; restore a backup, or {REBUILD}")
        others = flows_of(connection) - {FLOW}
        if others:
            raise FlowError(f"{name} holds the state of flow {others.pop()}, not of {FLOW}")
        return log_offsets(connection)


def _create(directory: Path) -> None:
    """A new database, there as a whole or not at all."""
    fresh = directory / f"{DATABASE}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        fresh.mkdir(mode=0o700)
        with disk_faults(directory):
            init_db_dir(fresh, 1)
            _widen(fresh / DATABASE)
        (fresh / DATABASE).replace(directory / DATABASE)
        fresh.rmdir()
    except OSError as error:
        raise FlowError(f"engine.recovery_dir {directory} cannot be written to: {error.strerror}") from error


def _widen(database: Path) -> None:
    """Give a new database pages of `_PAGE`."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        # With a write-ahead log the size of a page cannot be changed.
        for statement in ("journal_mode = DELETE", f"page_size = {_PAGE}"):
            connection.execute(f"PRAGMA {statement}")
        connection.execute("VACUUM")
        connection.execute("PRAGMA journal_mode = WAL")
