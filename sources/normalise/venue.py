"""What has become known of a venue along the way: its clock and its instruments."""

from collections.abc import Callable, Iterable
from typing import TypedDict

import msgspec

from schemas.market import InstrumentDefinition, MarketEvent
from schemas.time import SECOND
from sources.errors import SourceError

__all__ = ["FUTURE_TOLERANCE", "Clock", "Heading", "NormaliseError", "NotOurs", "Unnamed", "Venue"]

FUTURE_TOLERANCE = 5 * SECOND
"""A time stamp further ahead of its own receipt is not believed (a receiver was seen 1.3 s behind the exchange)."""


class NormaliseError(SourceError):
    """A message that is not what its venue documents; the text says which part of it."""


class NotOurs(NormaliseError):
    """A message of an instrument whose kind has no record type: options."""


class Unnamed(NormaliseError):
    """A message that does not say which instrument it is of; ``complete`` makes its record for the id of one."""

    def __init__(self, what: str, complete: Callable[[str], MarketEvent]) -> None:
        super().__init__(f"{what} without a symbol, and the file is not of a single instrument")
        self.complete = complete


class Heading(TypedDict):
    """The fields that every record has."""

    instrument_id: str
    ts_event: int
    ts_received: int


class Clock:
    """An exchange's clock as far as its messages tell it: the greatest believable time so far, ns; 0 before any.

    Believable is what does not lie further ahead of a receipt than `FUTURE_TOLERANCE`. Where receipts go far back (the
    parallel captures of one session, read one after the other), the clock goes back with them.
    """

    __slots__ = ("heard", "latest")

    def __init__(self) -> None:
        self.latest = 0
        self.heard = 0  # when it was received

    def observe(self, ts_event: int | None, ts_received: int) -> int:
        """Take note of a time that the exchange sent, and hand it back; if it sent none, what `at` says."""
        if ts_event is None:
            return self.at(ts_received)
        bound = ts_received + FUTURE_TOLERANCE
        if self.latest < ts_event <= bound or ts_event <= bound < self.latest:
            self.latest, self.heard = ts_event, ts_received
        return ts_event

    def at(self, ts_received: int) -> int:
        """The time of a message that carries none: the exchange's as last known, else that of its receipt.

        What was received later, as other tapes are read a message ahead, counts as much less as it came later.
        """
        known = self.latest - max(self.heard - ts_received, 0)
        return known if 0 < known <= ts_received + FUTURE_TOLERANCE else ts_received


class Venue:
    """A venue's clock and instruments, shared by every tape of that venue in a run.

    Parameters
    ----------
    name
        As in instrument ids, ``binanceusdm``.
    describe
        Makes a plain definition (no tick, no lot) of the venue's own symbol; raises `NormaliseError` for one that is
        no instrument of ours.
    """

    __slots__ = ("_definitions", "_describe", "_ids", "_streams", "clock", "introduced", "name")

    def __init__(self, name: str, describe: Callable[[str], InstrumentDefinition]) -> None:
        self.name = name
        self.clock = Clock()
        self.introduced: list[InstrumentDefinition] = []
        """Definitions that have to go before the next record; whoever reads takes them out."""
        self._describe = describe
        self._definitions: dict[str, InstrumentDefinition] = {}
        self._ids: dict[str, str] = {}
        self._streams: dict[tuple[str, str], str] = {}

    def listed(self, definitions: Iterable[tuple[str, InstrumentDefinition]]) -> None:
        """Take up the venue's own list of (symbol, definition): better than what can be told from a symbol."""
        self._definitions.update(definitions)

    def instrument(self, symbol: str, ts_received: int) -> str:
        """The id of the venue's ``symbol``; the first time, its definition is introduced.

        Raises:
            NormaliseError: no instrument of ours.
        """
        known = self._ids.get(symbol)
        if known is not None:
            return known
        definition = self._definitions.get(symbol) or self._describe(symbol)
        self._introduce(symbol, definition, ts_received)
        return definition.instrument_id

    def heading(self, symbol: str, sent: int | None, ts_received: int) -> Heading:
        """What the record begins with that the exchange ``sent`` (ns; ``None``: its clock as last known) of ``symbol``.

        Raises:
            NormaliseError: no instrument of ours.
        """
        ts_event = self.clock.observe(sent, ts_received)
        return {"instrument_id": self.instrument(symbol, ts_received), "ts_event": ts_event, "ts_received": ts_received}

    def first(self, what: str, symbol: str, stream: str) -> bool:
        """Whether ``stream`` is the one that a symbol's trades, or book, are taken from: the first one that told any.

        Venues tell both in several ways (trade by trade and aggregated, 5 levels and 1,000), and a tape may hold them
        all; counting a trade twice, or putting 5 levels in the place of 1,000, must not happen.
        """
        return self._streams.setdefault((what, symbol), stream) == stream

    def refine(self, symbol: str, ts_received: int, *, tick_size: float, lot_size: float) -> None:
        """Introduce an instrument again if its steps turn out to be others than known."""
        definition = self._definitions.get(symbol) or self._describe(symbol)
        if (definition.tick_size, definition.lot_size) != (tick_size, lot_size) or symbol not in self._ids:
            better = msgspec.structs.replace(definition, tick_size=tick_size, lot_size=lot_size)
            self._introduce(symbol, better, ts_received)

    def disbelieve(self, latest: int, heard: int) -> None:
        """Take back what a message told before it turned out to be malformed; both are the clock's from before."""
        self.clock.latest, self.clock.heard = latest, heard
        fresh = {definition.instrument_id for definition in self.introduced}
        self.introduced.clear()
        self._ids = {symbol: name for symbol, name in self._ids.items() if name not in fresh}

    def _introduce(self, symbol: str, definition: InstrumentDefinition, ts_received: int) -> None:
        now = self.clock.at(ts_received)
        definition = msgspec.structs.replace(definition, ts_event=now, ts_received=ts_received)
        msgspec.convert(msgspec.to_builtins(definition), InstrumentDefinition)  # raises where a value is out of range
        self._definitions[symbol] = definition
        self._ids[symbol] = definition.instrument_id
        self.introduced = [old for old in self.introduced if old.instrument_id != definition.instrument_id]
        self.introduced.append(definition)
