"""From what a tape holds to what the log holds: heartbeats, membership and ends, as a pure function of the records."""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from schemas.market import (
    CONTROL,
    Activation,
    ExchangeBar,
    ExternalMetric,
    FundingRate,
    Heartbeat,
    InstrumentDefinition,
    Liquidation,
    LongShortRatio,
    MacroEvent,
    MarketEvent,
    Membership,
    OpenInterest,
    Regimes,
    TapeEnd,
)  # fmt: skip
from schemas.time import MILLISECOND, MINUTE, TIMEFRAME_NS, floor_to
from sources.malformed import Malformed
from sources.merge import SILENCE, Heard, Item, advance, merge
from sources.normalise.venue import Clock

__all__ = ["BEAT", "sequence"]

BEAT: Final = 250 * MILLISECOND
"""Receive time between two heartbeats."""
_BESIDE_BARS: Final = (FundingRate, OpenInterest, LongShortRatio, Liquidation)
"""What history has beside bars: no sign that anybody listens to the market."""
_BESIDE_THE_MARKET: Final = (Malformed, ExternalMetric, MacroEvent, Activation, Regimes)
"""What says nothing of the time that the market has come to, nor that anybody listens to it."""
_ANNOUNCE: Final = 10 * MINUTE
"""Event time after which definitions and membership are said again, so that any part of the log can be read alone."""


def sequence(*feeds: Iterable[Item], source: str, tables: int = 0) -> Iterator[MarketEvent | Malformed]:
    """The records of ``feeds``, merged by receipt, and between them what only an ingester can say.

    * ``Membership`` before the first record of a new instrument, and after each new definition of all of them every
      ten minutes of event time.
    * ``Heartbeat`` for every instrument and for `CONTROL` every 250 ms of receipt, as far as records show that
      somebody listened: across a gap of up to `SILENCE` one at each side of it, across a longer one only at its
      beginning, so that the engine sees it. An instrument of which only exchange bars have come has none of its own:
      its bars close themselves, and what lies between two of them is no silence. Only when the next bar is overdue by
      a whole length does it get them, with ``connected=False``, so that nobody waits for it for ever. Of what a table
      tells beside bars, before the first bar, nothing follows: nobody waits for its instrument yet.
    * When a feed ends a heartbeat or more before the others: ``TapeEnd`` for its instruments, and from then on their
      heartbeats with ``connected=False``. At the end of all: last heartbeats, ``TapeEnd``, and a ``Membership`` of
      nobody.

    External metrics, events of the calendar and activations pass through, and nothing is inserted for them.

    One pass, in memory that grows with the number of instruments only. The same items give the same stream.

    Parameters
    ----------
    source
        Who speaks, in every inserted record.
    tables
        So many of the feeds, the first ones, are tables of history.
    """
    sequencer = _Sequencer(source, len(feeds), tables)
    for feed, item in merge(feeds):
        if item is None:
            yield from sequencer.ended(feed)
        else:
            yield from sequencer.before(item, feed)
            if not isinstance(item, Heard):
                yield item


class _Venue:
    """The clock that a venue's heartbeats carry."""

    __slots__ = ("clock", "heard", "told")

    def __init__(self) -> None:
        self.clock = Clock()
        self.heard = 0
        self.told = 0

    def now(self, ts_received: int) -> int:
        """The exchange's time as last known, moved on by the receive time since its last record; never back."""
        silent = max(ts_received - self.heard, 0)
        self.told = max(self.told, self.clock.latest + silent if self.clock.latest else ts_received)
        return self.told


class _Member:
    """An instrument and the feeds that speak of it."""

    __slots__ = ("awaited", "bars_to", "definition", "feeds", "instrument_id", "live", "next_close", "venue")

    def __init__(self, instrument_id: str, venue: _Venue, *, awaited: bool) -> None:
        self.instrument_id = instrument_id
        self.venue = venue
        self.definition: InstrumentDefinition | None = None
        self.feeds: set[int] = set()
        self.awaited = awaited  # if not: only what is beside bars has come of it, from tables
        self.live = False  # gave more than its definition and exchange bars
        self.next_close = 0  # if not live: the end of its next bar
        self.bars_to = 0  # if not live: the event time by which another bar has to come

    def observe(self, item: MarketEvent) -> None:
        """Take note of what kind of record it gives."""
        if isinstance(item, ExchangeBar):
            self.awaited = True
            if not self.live:
                self.next_close = item.ts_event + TIMEFRAME_NS[item.timeframe]
                self.bars_to = self.next_close + TIMEFRAME_NS[item.timeframe]
        elif not isinstance(item, _BESIDE_BARS) or (self.awaited and not self.bars_to):
            self.awaited = self.live = True
            self.bars_to = 0

    def beats(self, now: int) -> bool:
        """Whether heartbeats tell its time at ``now``, and not its bars."""
        return not self.feeds or now >= self.bars_to

    def reached(self, ts_received: int) -> int:
        """The event time (ns) up to which nothing is to come that would end one of its bars."""
        now = self.venue.now(ts_received)
        return now if self.beats(now) else self.next_close - 1


class _Sequencer:
    def __init__(self, source: str, feeds: int, tables: int) -> None:
        self._source, self._tables = source, tables
        self._running = feeds
        self._members: dict[str, _Member] = {}
        self._venues: dict[str, _Venue] = {}
        self._news = False  # an instrument is new, and no membership has said so yet
        self._announced = 0
        self._told = 0
        self._now = 0
        self._due = 0
        self._last_beat = 0
        self._ended: set[int] = set()  # feeds whose end is not told yet
        self._ended_at = 0

    def before(self, item: Item, feed: int) -> list[MarketEvent]:
        """What goes before ``item``; takes note of it."""
        if isinstance(item, _BESIDE_THE_MARKET):
            return []
        ts_received = item.ts_received
        inserted: list[MarketEvent] = []
        if ts_received >= self._due or advance(self._now, ts_received) < self._now:
            inserted = self._move(ts_received)
        elif ts_received > self._now:
            self._now = ts_received
        if isinstance(item, Heard) or item.instrument_id == CONTROL:
            return inserted
        member = self._members.get(item.instrument_id)
        if member is None or feed not in member.feeds:
            member = self._join(item.instrument_id, feed)
        if isinstance(item, InstrumentDefinition):
            member.definition = item
            return inserted
        awaited = member.awaited
        member.observe(item)
        self._news = self._news or member.awaited is not awaited
        venue = member.venue
        venue.clock.observe(item.ts_event, ts_received)
        venue.heard = self._now
        return [*inserted, self._membership(ts_received)] if self._news else inserted

    def ended(self, feed: int) -> list[MarketEvent]:
        """What follows on the end of ``feed``, if it is the last one; else it is told a beat later."""
        self._running -= 1
        self._ended_at = self._ended_at if self._ended else self._now
        self._ended.add(feed)
        return [] if self._running else self._leave()

    def _leave(self) -> list[MarketEvent]:
        """The last words of those whose feeds have all ended."""
        ended, self._ended = self._ended, set()
        leaving = [member for member in self._members.values() if member.feeds and member.feeds <= ended]
        for member in self._members.values():
            if member not in leaving:  # those are connected still when their last heartbeat is written
                member.feeds -= ended
        if not leaving and self._running:
            return []
        inserted: list[MarketEvent] = [self._membership(self._now)] if self._news else []
        inserted += self._beat(self._now, last=True)
        for member in leaving:
            member.feeds.clear()
            inserted.append(
                TapeEnd(
                    instrument_id=member.instrument_id,
                    ts_event=member.venue.now(self._now),
                    ts_received=self._now,
                    source=self._source,
                )
            )
        if not self._running and self._members:
            self._members.clear()
            inserted.append(self._membership(self._now))
        return inserted

    def _move(self, ts_received: int) -> list[MarketEvent]:
        """Move on to ``ts_received`` and say for which time until there somebody has listened."""
        now = advance(self._now, ts_received)
        if self._ended and not self._ended_at <= now < self._ended_at + BEAT:
            return [*self._leave(), *self._move(ts_received)]
        before, self._now = self._now, now
        self._due = floor_to(self._now, BEAT) + BEAT
        if not before or self._now < before:
            return []
        inserted = self._beat(before) if self._now - before > BEAT else []
        return inserted if self._now - before > SILENCE else inserted + self._beat(floor_to(self._now, BEAT))

    def _beat(self, ts_received: int, *, last: bool = False) -> list[MarketEvent]:
        if ts_received < self._last_beat + (not last) or not self._members:
            return []
        self._last_beat = ts_received
        inserted: list[MarketEvent] = []
        if floor_to(self._control(ts_received), _ANNOUNCE) > self._announced:
            inserted = self._announcement(ts_received)
        elif self._news:
            inserted.append(self._membership(ts_received))
        for member in self._awaited():
            now = member.venue.now(ts_received)
            if member.beats(now):
                connected = bool(member.feeds) and not member.bars_to
                inserted.append(self._heartbeat(member.instrument_id, now, ts_received, connected=connected))
        inserted.append(self._heartbeat(CONTROL, self._control(ts_received), ts_received))
        return inserted

    def _heartbeat(self, key: str, ts_event: int, ts_received: int, *, connected: bool = True) -> Heartbeat:
        return Heartbeat(
            instrument_id=key, ts_event=ts_event, ts_received=ts_received, source=self._source, connected=connected
        )

    def _announcement(self, ts_received: int) -> list[MarketEvent]:
        definitions: list[MarketEvent] = [
            msgspec.structs.replace(member.definition, ts_event=member.venue.now(ts_received), ts_received=ts_received)
            for member in self._members.values()
            if member.definition is not None
        ]
        return [*definitions, self._membership(ts_received)]

    def _membership(self, ts_received: int) -> Membership:
        now = self._control(ts_received)
        self._news = False
        self._announced = floor_to(now, _ANNOUNCE)
        return Membership(
            instrument_id=CONTROL,
            ts_event=now,
            ts_received=ts_received,
            source=self._source,
            instrument_ids=[member.instrument_id for member in self._awaited()],
        )

    def _control(self, ts_received: int) -> int:
        """The time of the desk as a whole, as far as every member has come; never back.

        The desk waits for all of them at the closes that it is told of: one that a member has not come to when the
        tape ends, and never will, would hold it up for ever.
        """
        latest = max(venue.now(ts_received) for venue in self._venues.values())
        slowest = min((member.reached(ts_received) for member in self._awaited()), default=latest)
        self._told = max(self._told, min(latest, slowest))
        return self._told

    def _join(self, instrument_id: str, feed: int) -> _Member:
        member = self._members.get(instrument_id)
        if member is None:
            venue = self._venues.setdefault(instrument_id.partition(":")[0], _Venue())
            member = self._members[instrument_id] = _Member(instrument_id, venue, awaited=feed >= self._tables)
            self._news = self._news or member.awaited
        elif feed >= self._tables and not member.awaited:
            member.awaited = self._news = True
        member.feeds.add(feed)
        return member

    def _awaited(self) -> list[_Member]:
        """Those that somebody is to wait for."""
        return [member for member in self._members.values() if member.awaited]
