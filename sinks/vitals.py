"""Vitals on disk: one small file a process, replaced as a whole, so that a reader never sees a part of one."""

import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TypeVar

import msgspec

from schemas.vitals import DriftVitals, EngineVitals, KeyVitals, SinkVitals, SourceVitals, Vitals

__all__ = ["boot", "inherited", "read_vitals", "together", "write_vitals"]

_decoder = msgspec.json.Decoder(Vitals)


@cache
def boot() -> str:
    """This boot of this machine, or nothing where the kernel does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""


def write_vitals(directory: Path, vitals: Vitals) -> None:
    """Put ``vitals`` in the place of what the same worker of the stage wrote before.

    Raises:
        OSError: the directory cannot be made or written; what stands there stays whole.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / f"{vitals.stage}-{vitals.worker}.json"
    fresh = path.with_name(f"{path.name}.new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.json.encode(vitals))
    fresh.replace(path)


def read_vitals(directory: Path, stages: Iterable[str] | None = None) -> list[Vitals]:
    """Every process' last word since the machine was booted; of a stage only those of its last start.

    What cannot be read is left out: a file of another release is no concern of ours.

    Parameters:
        stages: only these; ``None``: all.
    """
    found = _all(directory, stages)
    newest = {vitals.stage: vitals for vitals in sorted(found, key=lambda vitals: vitals.clock)}
    return [vitals for vitals in found if vitals.group == newest[vitals.stage].group]


def inherited(directory: Path, group: int) -> EngineVitals:
    """What the engine before ``group`` knew, for a worker of ``group`` that starts.

    Other workers may have started before it and have written over a predecessor's file; they have taken up what was in
    it, so theirs count too.
    """
    found = _all(directory, ["engine"])
    before = max((vitals for vitals in found if vitals.group != group), key=lambda one: one.clock, default=None)
    groups = {group} if before is None else {group, before.group}
    return together(one.engine for one in found if one.group in groups and one.engine is not None)


def _all(directory: Path, stages: Iterable[str] | None) -> list[Vitals]:
    found: list[Vitals] = []
    for path in sorted(directory.glob("*.json")):
        if stages is not None and path.name.rpartition("-")[0] not in stages:
            continue
        try:
            vitals = _decoder.decode(path.read_bytes())
        except (OSError, msgspec.DecodeError):
            continue
        if vitals.boot == boot():
            found.append(vitals)
    return found


def together(workers: Iterable[EngineVitals]) -> EngineVitals:
    """What all workers of an engine know, as if it were one."""
    known = EngineVitals()
    for one in workers:
        _newer(known.keys, one.keys)
        _newer(known.sources, one.sources)
        _newer(known.drift, one.drift)
        for name, ts_close in one.told.items():
            known.told[name] = max(ts_close, known.told.get(name, 0))
        if one.newest > known.newest:
            known.newest, known.newest_at = one.newest, one.newest_at
        if one.members_to >= known.members_to:
            known.members, known.members_to = one.members, one.members_to
        known.unready |= one.unready
        known.stale |= one.stale
        if one.epoch_ms is not None:
            known.epoch_ms = max(known.epoch_ms or 0.0, one.epoch_ms)
        for lane, sink in one.sinks.items():
            other = known.sinks.get(lane, SinkVitals())
            known.sinks[lane] = SinkVitals(
                writes=other.writes + sink.writes, seconds=other.seconds + sink.seconds,
                last_ms=max(other.last_ms, sink.last_ms),
            )  # fmt: skip
    return known


_Heard = TypeVar("_Heard", KeyVitals, SourceVitals, DriftVitals)


def _newer(known: dict[str, _Heard], others: dict[str, _Heard]) -> None:
    for name, heard in others.items():
        if name not in known or known[name].seen < heard.seen:
            known[name] = heard
