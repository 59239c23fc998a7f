"""What the vitals mean: who is silent, whom the desk waits for, and whether all is ready. Pure functions of them."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from msgspec import Struct

from schemas.market import CONTROL
from schemas.partitioner import partition_for
from schemas.time import DAY, MINUTE, SECOND
from schemas.topics import LOG
from schemas.vitals import WATCHDOG, Check, EngineVitals, KeyVitals, PartitionVitals, SourceVitals, Vitals
from sinks.vitals import together

__all__ = ["FRESH_S", "Limits", "Silent", "Wait", "checks", "dead_sources", "desk_wait", "silent_keys"]

FRESH_S: Final = 5.0
"""Vitals are written every second; a process whose last word is older does not get to write."""
_RETIRED: Final = DAY
"""An ingester that has been silent for longer is one that nobody runs any more."""
_NAMED: Final = 5
"""So many of a kind are named in a check, the others counted."""


class Limits(Struct, frozen=True, kw_only=True):
    """What is too long, in seconds."""

    liveness_s: float = 10.0
    max_lag_s: float = 10.0
    max_wait_s: float = 30.0


class Silent(NamedTuple):
    """A key that should be heard on the log, and is not."""

    key: str
    partition: int
    since: int
    """By the clock of the vitals, ns."""
    ts: int
    """Where its own time would stand now, ns."""
    source: str = WATCHDOG
    """In whose name that has to be said."""


class Wait(NamedTuple):
    """What holds up the desk."""

    slowest: str
    """The member that all others wait for."""
    seconds: float
    """How long the oldest close that is not decided has been waiting; 0: none is."""


def silent_keys(found: Sequence[Vitals], now: int, liveness_s: float) -> list[Silent]:
    """The members in force, and the control key, that have not been heard for ``liveness_s`` at the log's end.

    And the control key once more in the name of each ingester that is dead, until it is told there.

    Nobody is judged while the engine does not run, or before the key's partition is read to its end.

    Parameters:
        now: by the clock of the vitals, ns.
    """
    engines = _running(found, now)
    known, partitions, limit = _together(engines), _partitions(engines), round(liveness_s * SECOND)
    control = known.keys.get(CONTROL)
    if not limit or control is None:
        return []
    judged = (*known.members, CONTROL) if known.members else ()
    heard = [_heard(key, known, control, len(partitions), now, limit) for key in judged]
    heard += [
        Silent(CONTROL, control.partition, source.seen, control.ts + now - control.seen, name)
        for name, source in known.sources.items()
        if _is_dead(source, now, limit) and not source.gone
    ]
    return [key for key in heard if now - key.since > limit and _at_end(partitions.get(f"{LOG}[{key.partition}]"))]


def _heard(key: str, known: EngineVitals, control: KeyVitals, partitions: int, now: int, limit: int) -> Silent:
    heard = known.keys.get(key)
    if heard is None:  # only named so far: it has the time of the control key
        since = known.members[key]
        return Silent(key, partition_for(key, partitions), since, control.ts + now - control.seen)
    since, ts = heard.seen, heard.ts + now - heard.seen
    if not heard.beats or key == CONTROL:  # silent for long where only bars are given: judged by who gives them
        feeding = [source for source in known.sources.values() if key == CONTROL or key in source.members]
        alive = any(not _is_dead(source, now, limit) for source in feeding)
        since = now if alive else max((source.seen for source in feeding), default=control.seen)
    return Silent(key, heard.partition, since, ts)


def _is_dead(source: SourceVitals, now: int, limit: int) -> bool:
    return now - source.seen > max(limit, 2 * source.pause)


def dead_sources(found: Sequence[Vitals], now: int, liveness_s: float) -> dict[str, float]:
    """The ingesters whose heartbeats have been missing for ``liveness_s``, and for how many seconds."""
    engines = _running(found, now)
    known, limit = _together(engines), round(liveness_s * SECOND)
    control = known.keys.get(CONTROL)
    if not limit or control is None or not _at_end(_partitions(engines).get(f"{LOG}[{control.partition}]")):
        return {}
    return {
        name: (now - source.seen) / SECOND
        for name, source in known.sources.items()
        if _is_dead(source, now, limit) and now - source.seen < _RETIRED
    }


def desk_wait(known: EngineVitals, now: int) -> Wait | None:
    """Whom the desk waits for; ``None`` while it has no members."""
    if not known.members:
        return None
    told_to = {CONTROL: known.members_to} | {member: known.told.get(member, 0) for member in known.members}
    slowest = min(told_to, key=lambda member: (told_to[member], member))
    newest, told = max(told_to.values()), told_to[slowest]
    if newest in (0, told):
        return Wait(slowest, 0.0)
    if not told:
        return Wait(slowest, (now - known.members[slowest]) / SECOND)
    # In the market's time up to the newest close, by the clock since then.
    since = now - known.newest_at if newest == known.newest else 0
    return Wait(slowest, (newest - told - MINUTE + since) / SECOND)


def checks(found: Sequence[Vitals], now: int, limits: Limits) -> list[Check]:
    """One named check a condition; those of a stage only if it has ever written on this machine."""
    told = [_stage(stage, workers, now) for stage, workers in _stages(found).items()]
    lagging = _lag(found, limits.max_lag_s)
    if lagging is not None:
        told.append(lagging)
    engines = [vitals for vitals in found if vitals.engine is not None]
    if engines:
        known = _together(engines)
        told += [_instruments(known), _desk(known, now, limits.max_wait_s), _ingesters(found, known, now, limits)]
    return told


def _stages(found: Sequence[Vitals]) -> dict[str, list[Vitals]]:
    stages: dict[str, list[Vitals]] = {}
    for vitals in found:
        stages.setdefault(vitals.stage, []).append(vitals)
    return stages


def _stage(name: str, workers: Sequence[Vitals], now: int) -> Check:
    wrong = [f"{len(workers)} of {workers[0].workers} workers are there"] * (len(workers) < workers[0].workers)
    for vitals in workers:
        who = f"worker {vitals.worker} " if vitals.workers > 1 else ""
        age = (now - vitals.clock) / SECOND
        if vitals.state != "stopped" and age > FRESH_S:
            wrong.append(f"{who}has not been heard of for {age:.0f} s")
        elif vitals.waits_for and now - vitals.waits_since > FRESH_S * SECOND:
            wrong.append(f"{who}has waited for the {vitals.waits_for} for {(now - vitals.waits_since) / SECOND:.0f} s")
        elif vitals.state != "running":
            wrong.append(f"{who}is {vitals.state}")
    return Check(name=name, ok=not wrong, detail="; ".join(wrong) or "runs")


def _lag(found: Sequence[Vitals], limit_s: float) -> Check | None:
    partitions = {name: read for vitals in found for name, read in vitals.partitions.items()}
    if not partitions:
        return None
    behind = {name: read for name, read in partitions.items() if read.lag_ms is None or read.lag_ms > limit_s * 1_000}
    told = [
        f"{name} has {read.end - read.following:,} messages to go"
        + ("" if read.lag_ms is None else f" and is {read.lag_ms / 1_000:.0f} s late")
        for name, read in behind.items()
    ]
    most = max(read.end - read.following for read in partitions.values())
    return Check(name="lag", ok=not behind, detail=_some(told) or f"at most {most:,} messages to go in a partition")


def _instruments(known: EngineVitals) -> Check:
    bad = []
    for member in known.members:
        reasons = ["its book is out of sequence"] if member in known.stale else []
        if member not in known.told:
            reasons.append("nothing has closed yet")
        elif member in known.unready:
            reasons.append(known.unready[member])
        if reasons:
            bad.append(f"{member}: {', '.join(reasons)}")
    detail = _some(bad) or (f"{len(known.members)} ready" if known.members else "no instrument is followed yet")
    return Check(name="instruments", ok=bool(known.members) and not bad, detail=detail)


def _desk(known: EngineVitals, now: int, limit_s: float) -> Check:
    wait = desk_wait(known, now)
    if wait is None or wait.seconds <= 0:
        return Check(name="desk", ok=True, detail="waits for nobody")
    return Check(
        name="desk", ok=wait.seconds <= limit_s, detail=f"has waited {wait.seconds:.0f} s for {wait.slowest}"
    )  # fmt: skip


def _ingesters(found: Sequence[Vitals], known: EngineVitals, now: int, limits: Limits) -> Check:
    bad = [
        f"{source} has been silent for {seconds:.0f} s"
        for source, seconds in dead_sources(found, now, limits.liveness_s).items()
    ] + [
        f"{silent.key} has been silent for {(now - silent.since) / SECOND:.0f} s"
        for silent in silent_keys(found, now, limits.liveness_s)
        if silent.key != CONTROL
    ]
    detail = _some(bad) or (f"heard: {', '.join(sorted(known.sources))}" if known.sources else "none has been heard")
    return Check(name="ingesters", ok=bool(known.sources) and not bad, detail=detail)


def _running(found: Sequence[Vitals], now: int) -> list[Vitals]:
    """The engine's workers, if all of them are at work."""
    engines = [vitals for vitals in found if vitals.stage == "engine"]
    fine = all(vitals.state == "running" and now - vitals.clock <= FRESH_S * SECOND for vitals in engines)
    return engines if fine and engines and len(engines) == engines[0].workers else []


def _together(engines: Sequence[Vitals]) -> EngineVitals:
    return together(vitals.engine for vitals in engines if vitals.engine is not None)


def _partitions(engines: Sequence[Vitals]) -> dict[str, PartitionVitals]:
    return {name: read for vitals in engines for name, read in vitals.partitions.items()}


def _at_end(partition: PartitionVitals | None) -> bool:
    return partition is not None and partition.lag_ms is not None and partition.following >= partition.end


def _some(told: Sequence[str]) -> str:
    more = f"; and {len(told) - _NAMED} more" if len(told) > _NAMED else ""
    return "; ".join(told[:_NAMED]) + more
