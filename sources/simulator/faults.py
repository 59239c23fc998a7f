"""What can go wrong on the way from a venue to us, switched on one by one and decided by the seed alone."""

from collections.abc import Callable
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

from schemas.codec import encode
from schemas.market import BookDelta, BookSnapshot, MarketEvent, Trade
from schemas.time import HOUR, MILLISECOND, SECOND
from sources.malformed import Malformed
from sources.simulator.randomness import exponentials, uniforms

__all__ = [
    "Duplicate",
    "Fault",
    "Faults",
    "FaultyLine",
    "FlashCrash",
    "Gap",
    "Garbage",
    "Late",
    "Outage",
    "Schedule",
]  # fmt: skip

Seconds = Annotated[float, Meta(ge=0, le=86_400)]


class Fault(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When something goes wrong: at given times, and at random ones."""

    per_hour: Annotated[float, Meta(ge=0, le=100_000)] = 0.0
    """Mean number at random times; of each instrument by itself where a fault concerns one."""
    at: tuple[Annotated[float, Meta(ge=0, le=1e9)], ...] = ()
    """Seconds after the start."""
    only: tuple[str, ...] = ()
    """The instruments concerned; none named: all. A flash crash always takes all."""


class Gap(Fault, frozen=True, kw_only=True):
    """Book deltas in a row get lost, and the hole is mended by a book snapshot."""

    deltas: Annotated[int, Meta(ge=1, le=100_000)] = 3
    resync: Seconds = 3.0
    """Seconds from the first loss to the book snapshot."""


class Outage(Fault, frozen=True, kw_only=True):
    """Nothing is received; the first record after it is a book snapshot."""

    length: Seconds = 15.0
    """Seconds."""


class Late(Fault, frozen=True, kw_only=True):
    """A trade is delivered late."""

    by: Seconds = 4.0
    """Seconds after its ``ts_event``."""


class Duplicate(Fault, frozen=True, kw_only=True):
    """A record is delivered a second time."""


class Garbage(Fault, frozen=True, kw_only=True):
    """Bytes that are no record come between two that are."""


class FlashCrash(Fault, frozen=True, kw_only=True):
    """All prices fall within seconds and recover, with wide spreads and much trading."""

    drop: Annotated[float, Meta(ge=0, le=0.9)] = 0.08
    """As a fraction of the price."""
    fall: Annotated[float, Meta(ge=0.1, le=86_400)] = 8.0
    """Seconds from the top to the bottom."""
    recovery: Annotated[float, Meta(ge=1, le=86_400)] = 90.0
    """Seconds until 95 % of the fall is made good."""
    spread: Annotated[float, Meta(ge=1, le=1_000)] = 12.0
    """Factor on the spread at the bottom."""


class Faults(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All faults, each off unless it is given times or a rate."""

    gap: Gap = Gap()
    outage: Outage = Outage()
    late: Late = Late()
    duplicate: Duplicate = Duplicate()
    garbage: Garbage = Garbage()
    flash_crash: FlashCrash = FlashCrash()


class Schedule:
    """The times of one fault, from the seed and the fault's name alone."""

    def __init__(self, fault: Fault, *, seed: int, start: int, name: str, instrument_id: str | None = None) -> None:
        concerned = instrument_id is None or not fault.only or instrument_id in fault.only
        self._given = [start + round(at * SECOND) for at in sorted(fault.at, reverse=True)] if concerned else []
        self._mean = HOUR / fault.per_hour if fault.per_hour and concerned else None
        self._gaps = exponentials(seed, f"faults/{name}/{instrument_id or ''}")
        self._random = start
        self._draw()
        self.next: int | None = None
        """ns; ``None``: never again."""
        self._settle()

    def take(self, ts: int) -> int | None:
        """The time that is due at ``ts``, once; ``None`` if there is none."""
        due = self.next
        if due is None or ts < due:
            return None
        if self._given and self._given[-1] == due:
            self._given.pop()
        else:
            self._draw()
        self._settle()
        return due

    def _draw(self) -> None:
        if self._mean is not None:
            self._random += round(self._gaps() * self._mean)

    def _settle(self) -> None:
        times = self._given[-1:] + ([self._random] if self._mean is not None else [])
        self.next = min(times, default=None)


class FaultyLine:
    """One instrument's line from the venue to us: takes what was sent, gives what arrives.

    It never draws from the market's random numbers, so the rest of the stream is that of a run without faults.
    """

    def __init__(self, faults: Faults, *, seed: int, start: int, instrument_id: str) -> None:
        def schedule(fault: Fault, name: str, of: str | None = instrument_id) -> Schedule:
            return Schedule(fault, seed=seed, start=start, name=name, instrument_id=of)

        self._faults = faults
        self._gap = schedule(faults.gap, "gap")
        self._late = schedule(faults.late, "late")
        self._duplicate = schedule(faults.duplicate, "duplicate")
        self._garbage = schedule(faults.garbage, "garbage")
        # The random times of an outage are those of the one connection that all share.
        concerned = not faults.outage.only or instrument_id in faults.outage.only
        self._outage = schedule(faults.outage if concerned else Outage(), "outage", None)
        self._scramble = uniforms(seed, f"faults/scramble/{instrument_id}")
        self._losing = 0
        self._silent = False
        self._resync: int | None = None
        self._held: list[MarketEvent] = []

    def pass_on(
        self, records: list[MarketEvent], ts: int, snapshot: Callable[[int], BookSnapshot]
    ) -> list[MarketEvent | Malformed]:
        """What arrives of the ``records`` of a step that ends at ``ts`` (ns); ``snapshot`` tells the book then."""
        arrived: list[MarketEvent | Malformed] = []
        for record in records:
            if not self._lost(record):
                self._deliver(record, arrived)
        if self._held:
            due = [record for record in self._held if record.ts_received <= ts]
            self._held = [record for record in self._held if record.ts_received > ts]
            arrived += [record for record in due if not self._silent]
        if self._resync is not None and ts >= self._resync and not self._losing:
            self._resync, self._silent = None, False
            arrived.append(snapshot(ts))
        return arrived

    def rest(self) -> list[MarketEvent]:
        """What is still on its way when the venue stops."""
        held, self._held = self._held, []
        return held

    def _lost(self, record: MarketEvent) -> bool:
        ts = record.ts_received
        if (since := self._outage.take(ts)) is not None:
            self._silent = True
            self._heal(since + round(self._faults.outage.length * SECOND))
        if self._silent:
            return True
        if type(record) is not BookDelta:
            return False
        if self._gap.take(ts) is not None:
            self._losing = self._faults.gap.deltas
            self._heal(ts + round(self._faults.gap.resync * SECOND))
        if not self._losing:
            return False
        self._losing -= 1
        return True

    def _heal(self, ts: int) -> None:
        self._resync = max(ts, self._resync or 0)

    def _deliver(self, record: MarketEvent, arrived: list[MarketEvent | Malformed]) -> None:
        ts = record.ts_received
        if type(record) is Trade and self._late.take(ts) is not None:
            delivered = max(ts, record.ts_event + round(self._faults.late.by * SECOND))
            self._held.append(replace(record, ts_received=delivered))
            return
        arrived.append(record)
        if self._duplicate.take(ts) is not None:
            self._held.append(replace(record, ts_received=ts + MILLISECOND))
        if (due := self._garbage.take(ts)) is not None:
            arrived.append(self._garble(record, due))

    def _garble(self, record: MarketEvent, due: int) -> Malformed:
        raw = encode(record)
        cut = raw[: 1 + int(self._scramble() * (len(raw) - 1))]
        return Malformed(
            feed=f"simulator {record.instrument_id}",
            offset=due,
            raw=cut,
            reason=f"cut off after {len(cut)} bytes",
            ts_received=record.ts_received,
        )
