"""What is bid and asked of one instrument: its order book, its best quotes, and what is lost of either."""

from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace

from operators.book import Break, OrderBook
from operators.checksum import CHECKSUMS
from operators.closed import Closed
from operators.config import InstrumentConfig
from operators.errors import Refused
from operators.feature import Moment
from operators.flow.recorder import Recorder
from operators.flow.shape import shape
from operators.microstructure import BestQuote, imbalance, microprice, spread_bps
from operators.numbering import RESTART
from operators.outbox import Outbox
from operators.taints import Taints
from schemas.identifiers import derive
from schemas.layouts import Layout
from schemas.market import BookDelta, BookSnapshot, Heartbeat, Quote
from schemas.results import BookSample
from schemas.time import SECOND, floor_to, to_text

__all__ = ["OnQuote", "Quoting"]

OnQuote = Callable[[int, int, BestQuote | None], None]
"""Told of each change of the best quotes: event time, sequence or 0, and the quote, or ``None`` if it is lost."""

_LAYOUT: Final = Layout("quoting", 2)
_SAMPLED: Final = 10
"""Levels a side."""
_MEASURED: Final = SECOND
"""Event time, once in which the book is measured between decisions."""


class Quoting:
    """Best quotes are the venue's own where it sends any, otherwise the book's best levels stand in."""

    def __init__(
        self, config: InstrumentConfig, taints: Taints, outbox: Outbox[Closed], recorder: Recorder, on_quote: OnQuote
    ) -> None:
        venue = outbox.instrument_id.partition(":")[0]
        self.book = OrderBook(CHECKSUMS.get(venue), config.book_depth, native=config.native)
        self._taints, self._outbox, self._recorder, self._tell = taints, outbox, recorder, on_quote
        self._sample_every = config.book_sample
        self._best: BestQuote | None = None
        self._best_at = self._best_sequence = 0
        self._quoted = False  # the venue sends quotes
        self._book_at = 0  # event time of the last good record of the book
        self._next_sample = self._next_measure = 0

    def on_quote(self, event: Quote) -> None:
        """Take the venue's best bid and ask.

        Raises:
            Refused: the bid is not below the ask, or there is no room for it.
        """
        bid, ask, ts, sequence = event.bid_price, event.ask_price, event.ts_event, event.sequence or 0
        if bid >= ask:
            raise Refused(f"$.bid_price {bid} is not below $.ask_price {ask}")
        quote = (bid, event.bid_size, ask, event.ask_size)
        if sequence > self._best_sequence or ts > self._best_at + RESTART or (not sequence and ts >= self._best_at):
            self._best = quote
            self._best_at, self._best_sequence = ts, sequence
        self._quoted = True
        self._tell(ts, sequence, quote)

    def on_delta(self, event: BookDelta) -> None:
        """Apply to the book."""
        known = self.book.synchronised
        self._after(event, self.book.on_delta(event), known=known)

    def on_snapshot(self, event: BookSnapshot) -> None:
        """Synchronise the book."""
        was_stale, known = self.book.stale, self.book.synchronised
        broken = self.book.on_snapshot(event)
        if was_stale and self.book.synchronised:
            self._outbox.gap("book_resync", self._book_at, event.ts_event, event.ts_received, received=event.sequence)
        self._after(event, broken, known=known)

    def check_crossing(self, event: BookDelta | BookSnapshot | Heartbeat) -> None:
        """A book whose best levels have crossed has lost something that nobody noticed."""
        if self.book.synchronised and self.book.crossed:
            self.book.lose()
            self._lose(Break("book_crossed"), event)

    def forget(self, since: int) -> None:
        """Nobody listened from ``since`` (ns) on: the best quotes are other ones by now."""
        self.book.disconnect()
        self._recorder.lose_book()
        self._lose_best(max(since, self._best_at + 1, self._book_at + 1))

    def moment(self) -> Moment:
        """What can be read off now of book and quotes, for a decision; it is among the samples of the bar."""
        read, micro = self._measure()
        obi_1, obi_5, obi_10, obi_20, *rest = read
        moment = Moment(
            obi_1=obi_1, obi_5=obi_5, obi_10=obi_10, obi_20=obi_20, shape=tuple(rest) if self.book.trusted else None
        )
        if self._best is None:
            return moment
        bid, bid_size, ask, ask_size = self._best
        return replace(
            moment,
            spread=ask - bid,
            spread_bps=spread_bps(bid, ask),
            microprice=microprice(bid, bid_size, ask, ask_size),
            microprice_bps=micro,
            bid=bid,
            ask=ask,
        )

    def told(self, moment: Moment) -> tuple[int, int]:
        """When the best quotes and the book of ``moment`` were told (ns), 0 where it knows none."""
        quotes = self._best_at if self._quoted else self._book_at
        return 0 if moment.bid is None else quotes, 0 if moment.obi_1 is None else self._book_at

    def sample(self, event: Heartbeat) -> None:
        """Measure the book once in each second of event time, and send its best levels once in each interval."""
        if event.ts_event >= self._next_measure:
            self._next_measure = floor_to(event.ts_event, _MEASURED) + _MEASURED
            self._measure()
        if event.ts_event < self._next_sample:
            return
        begin = floor_to(event.ts_event, self._sample_every)
        self._next_sample = begin + self._sample_every
        top = self.book.top(_SAMPLED)
        if top is None:
            best = self._best
            top = ([], [], [], []) if best is None else ([best[0]], [best[1]], [best[2]], [best[3]])
        sample = BookSample(
            id=derive("book", self._outbox.instrument_id, begin),
            instrument_id=self._outbox.instrument_id,
            ts_event=event.ts_event,
            bid_prices=top[0],
            bid_sizes=top[1],
            ask_prices=top[2],
            ask_sizes=top[3],
            imbalance=imbalance(top[1], top[3]),
            stale=not self.book.trusted,
        )
        self._outbox.put(sample, event.ts_received)

    def _measure(self) -> tuple[tuple[float | None, ...], float | None]:
        """Take a sample: how the book stands, and the microprice over the middle (bps)."""
        read, best, micro = shape(self.book), self._best, None
        if best is not None:
            bid, bid_size, ask, ask_size = best
            price = microprice(bid, bid_size, ask, ask_size)
            micro = None if price is None else 10_000.0 * (2.0 * price / (bid + ask) - 1.0)
        self._recorder.sample((micro, *read[:-1]))
        return read, micro

    def _after(self, event: BookDelta | BookSnapshot, broken: Break | None, *, known: bool) -> None:
        if broken is not None:
            self._lose(broken, event)
        elif self.book.synchronised:
            if not known:
                self._find(event.ts_event)
            self._recorder.book(event.ts_event, self.book)
            if not self._quoted:
                self._quote_from_book(event)
        if self.book.synchronised and event.ts_event > self._book_at:
            self._book_at = event.ts_event

    def _quote_from_book(self, event: BookDelta | BookSnapshot) -> None:
        top = self.book.top(1)
        if top is None:
            self._lose_best(event.ts_event)
            return
        (bid,), (bid_size,), (ask,), (ask_size,) = top
        if bid >= ask:
            self.check_crossing(event)
            return
        best = (bid, bid_size, ask, ask_size)
        if best != self._best:
            self._best = best
            self._tell(event.ts_event, 0, best)

    def _find(self, ts: int) -> None:
        """The book is known from ``ts`` (ns) on: of the bar that this lies in, a part is not."""
        reason = f"the book was not known until {to_text(ts)}"
        self._taints.mark("book", ts, reason)
        if not self._quoted:
            self._taints.mark("quotes", ts, reason)

    def _lose(self, broken: Break, event: BookDelta | BookSnapshot | Heartbeat) -> None:
        reason = f"{broken.kind} at {to_text(event.ts_event)}"
        self._recorder.lose_book()
        self._taints.mark("book", event.ts_event, reason)
        if not self._quoted:
            self._lose_best(event.ts_event)
            self._taints.mark("quotes", event.ts_event, reason)
        self._outbox.gap(
            broken.kind, self._book_at, event.ts_event, event.ts_received,
            expected=broken.expected, received=broken.received,
        )  # fmt: skip

    def _lose_best(self, ts: int) -> None:
        if self._best is not None:
            self._best = None
            self._tell(ts, 0, None)

    def state(self) -> dict[str, Any]:
        """Plain data for recovery."""
        return {
            "version": _LAYOUT.version,
            "book": self.book.state(),
            "best": [self._best, self._best_at, self._best_sequence, self._quoted],
            "times": [self._book_at, self._next_sample, self._next_measure],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up ``state`` again.

        Raises:
            LayoutError: of a version from which no way leads here.
        """
        state = _LAYOUT.bring(state["version"], state)
        self.book.restore(state["book"])
        best, self._best_at, self._best_sequence, self._quoted = state["best"]
        self._best = None if best is None else tuple(best)
        self._book_at, self._next_sample, self._next_measure = state["times"]
