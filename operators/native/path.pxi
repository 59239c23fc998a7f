"""What most records do."""

cdef enum:
    TRADE, QUOTE, DELTA


cdef class FastPath:
    """Takes trades, quotes and book deltas as `Gate` and the handlers behind it would, while nothing is odd about them.

    An instrument's state stays where it is, in the Python objects: `run` reads it, and writes back what has changed.
    """

    cdef object quoting, bars, recorder, seen
    cdef bytes trade_head, quote_head, delta_head
    cdef int64_t tolerance, restart, patience
    # the record read last
    cdef int kind
    cdef int64_t ts, received, sequence, first, last, previous
    cdef double price, amount, bid, bid_size, ask, ask_size
    cdef object side, trade_id
    cdef bint market
    cdef _Numbers bid_prices, bid_sizes, ask_prices, ask_sizes
    # the book, from the first delta of a run on
    cdef bint loaded, open, metered
    cdef object book
    cdef Ladder bids, asks
    cdef int64_t known, applied, at, book_at
    cdef double reach_bid, reach_ask
    cdef LevelFlow levels
    cdef Side *bid_side
    cdef Side *ask_side
    cdef bint levels_known, levels_whole, begun
    cdef bint sweeps_known, placed
    cdef double stood[4]
    cdef int64_t since, waited, number, ended, recovered
    cdef double spread

    def __init__(self, bytes key, quoting, bars, recorder, seen, *, tolerance, restart, patience):
        self.quoting, self.bars, self.recorder, self.seen = quoting, bars, recorder, seen
        self.tolerance, self.restart, self.patience = tolerance, restart, patience
        self.trade_head, self.quote_head, self.delta_head = (
            b'{"type":"' + kind + b'","instrument_id":' + key + b',"ts_event":'
            for kind in (b"trade", b"quote", b"book_delta")
        )
        self.bid_prices, self.bid_sizes, self.ask_prices, self.ask_sizes = (_Numbers() for _ in range(4))

    def run(self, list messages, Py_ssize_t at, limit):
        """Take messages from place ``at`` on, received no later than ``limit`` (ns); the place of the first one left."""
        cdef Py_ssize_t count = len(messages)
        cdef int64_t received_by = limit
        cdef object quoting = self.quoting, bars = self.bars
        cdef object trades = bars._trades
        cdef list new_trades = trades.new
        cdef Py_ssize_t trades_room = trades.room
        cdef QuoteQueue quotes = bars._quotes
        cdef int64_t closed_to = INT64_MIN if bars.closed_to is None else bars.closed_to
        cdef int64_t arrivals = bars._arrivals, arrived = arrivals
        cdef object add = self.seen.add
        cdef Waiting best
        cdef int64_t best_at = quoting._best_at, best_sequence = quoting._best_sequence
        cdef bint quoted = quoting._quoted, bettered = False
        cdef object order, new
        cdef int64_t sequence
        self.loaded = self.open = False
        while at < count and self.read(<bytes?> (<tuple?> messages[at])[2]):
            if self.ts > self.received + self.tolerance or self.received > received_by:
                break
            if self.kind == QUOTE:
                if self.bid >= self.ask or self.ts < closed_to:
                    break
                sequence = self.sequence if self.sequence > 0 else 0
                if not quotes.push(self.ts, sequence, self.bid, self.bid_size, self.ask, self.ask_size, False):
                    break
                if (
                    sequence > best_sequence
                    or self.ts > best_at + self.restart
                    or (not sequence and self.ts >= best_at)
                ):
                    best, best_at, best_sequence, bettered = quotes.waiting[quotes.count - 1], self.ts, sequence, True
                quoted = True
            elif self.kind == TRADE:
                if self.ts < closed_to or PyList_GET_SIZE(new_trades) >= trades_room:
                    break
                order = None if self.sequence < 0 else self.sequence
                if self.trade_id is not None or order is not None:
                    new = add(self.trade_id if self.trade_id is not None else str(order), self.ts)
                    if new is None:
                        bars.pass_over()
                    if not new:
                        at += 1
                        continue
                arrivals += 1
                PyList_Append(
                    new_trades,
                    (
                        self.ts, (number_of(self.trade_id) or 0) if order is None else order, arrivals, self.price,
                        self.amount if self.market else 0.0, self.side, order,
                    ),
                )  # fmt: skip
            else:
                if not quoted or not self.on_delta():
                    break
            at += 1
        if arrivals != arrived:
            bars._arrivals = arrivals
        quoting._quoted = quoted
        if bettered:
            quoting._best, quoting._best_at, quoting._best_sequence = best_of(&best), best_at, best_sequence
        if self.open:
            self.store()
        return at

    cdef bint read(self, bytes value) except -1:
        """Read a record of a kind that is taken here; false if it is another, or odd."""
        cdef const char *at = PyBytes_AS_STRING(value)
        cdef Py_ssize_t length = PyBytes_GET_SIZE(value)
        cdef const char *end = at + length
        cdef bytes head
        cdef char kind
        if length < 80:
            return False
        kind = at[9]
        if kind == b"q":
            self.kind, head = QUOTE, self.quote_head
        elif kind == b"t":
            self.kind, head = TRADE, self.trade_head
        else:
            self.kind, head = DELTA, self.delta_head
        if length <= PyBytes_GET_SIZE(head):
            return False
        at = literal(at, PyBytes_AS_STRING(head), PyBytes_GET_SIZE(head))
        if at == NULL:
            return False
        at = whole(at, &self.ts)
        if at == NULL or end - at < 16:
            return False
        at = literal(at, b',"ts_received":', 15)
        if at == NULL:
            return False
        at = whole(at, &self.received)
        if at == NULL or not (FIRST_TS <= self.ts <= LAST_TS and FIRST_TS <= self.received <= LAST_TS):
            return False
        if self.kind == QUOTE:
            at = self.read_quote(at, end)
        elif self.kind == TRADE:
            at = self.read_trade(at, end)
        else:
            at = self.read_delta(at, end)
        return at != NULL and at[0] == b"}" and at + 1 == end

    cdef const char *field(self, const char *at, const char *end, const char *name, Py_ssize_t length) noexcept:
        return literal(at, name, length) if end - at > length else NULL

    cdef const char *optional(self, const char *at, const char *end, const char *name, Py_ssize_t length, int64_t *value) noexcept:
        """Behind a whole number that may be left out, which is -1 then."""
        cdef const char *behind = self.field(at, end, name, length)
        value[0] = -1
        return at if behind == NULL else whole(behind, value)

    cdef const char *amount_of(
        self, const char *at, const char *end, const char *name, Py_ssize_t length, double least, double below, double *value
    ) noexcept:
        at = self.field(at, end, name, length)
        return NULL if at == NULL else amount(at, least, below, value)

    cdef const char *read_quote(self, const char *at, const char *end) noexcept:
        at = self.amount_of(at, end, b',"bid_price":', 13, 1e-18, 1e15, &self.bid)
        if at != NULL:
            at = self.amount_of(at, end, b',"bid_size":', 12, 0.0, 1e18, &self.bid_size)
        if at != NULL:
            at = self.amount_of(at, end, b',"ask_price":', 13, 1e-18, 1e15, &self.ask)
        if at != NULL:
            at = self.amount_of(at, end, b',"ask_size":', 12, 0.0, 1e18, &self.ask_size)
        if at != NULL:
            at = self.optional(at, end, b',"sequence":', 12, &self.sequence)
        return at

    cdef const char *read_trade(self, const char *at, const char *end) except? NULL:
        cdef const char *text
        cdef const char *behind
        at = self.amount_of(at, end, b',"price":', 9, 1e-18, 1e15, &self.price)
        if at != NULL:
            at = self.amount_of(at, end, b',"size":', 8, 1e-18, 1e18, &self.amount)
        if at == NULL:
            return NULL
        self.side = self.trade_id = None
        self.market = True
        behind = self.field(at, end, b',"aggressor_side":"', 19)
        if behind != NULL:
            if end - behind > 5 and memcmp(behind, b'buy"', 4) == 0:
                self.side, at = "buy", behind + 4
            elif end - behind > 6 and memcmp(behind, b'sell"', 5) == 0:
                self.side, at = "sell", behind + 5
            else:
                return NULL
        behind = self.field(at, end, b',"trade_id":"', 13)
        if behind != NULL:
            text = behind
            while behind < end and 32 <= behind[0] < 127 and behind[0] != b'"' and behind[0] != b"\\":
                behind += 1
            if behind == end or behind[0] != b'"' or behind - text > 64:
                return NULL
            self.trade_id = PyUnicode_DecodeASCII(text, behind - text, NULL)
            at = behind + 1
        at = self.optional(at, end, b',"sequence":', 12, &self.sequence)
        if at != NULL:
            behind = self.field(at, end, b',"market":false', 15)
            if behind != NULL:
                self.market, at = False, behind
        return at

    cdef const char *read_delta(self, const char *at, const char *end) except? NULL:
        at = self.field(at, end, b',"bid_prices":', 14)
        if at != NULL:
            at = self.bid_prices.read(at, 1e-18, 1e15)
        if at != NULL:
            at = self.field(at, end, b',"bid_sizes":', 13)
        if at != NULL:
            at = self.bid_sizes.read(at, 0.0, 1e18)
        if at != NULL:
            at = self.field(at, end, b',"ask_prices":', 14)
        if at != NULL:
            at = self.ask_prices.read(at, 1e-18, 1e15)
        if at != NULL:
            at = self.field(at, end, b',"ask_sizes":', 13)
        if at != NULL:
            at = self.ask_sizes.read(at, 0.0, 1e18)
        if at == NULL or self.bid_prices.count != self.bid_sizes.count or self.ask_prices.count != self.ask_sizes.count:
            return NULL
        at = self.optional(at, end, b',"first_sequence":', 18, &self.first)
        if at != NULL:
            at = self.optional(at, end, b',"last_sequence":', 17, &self.last)
        if at != NULL:
            at = self.optional(at, end, b',"previous_sequence":', 21, &self.previous)
        return at

    cdef bint on_delta(self) except -1:
        """Apply the delta that was read, if it continues what is known; else nothing has changed."""
        if not self.loaded:
            self.load()
        if not self.open or self.last <= self.known:
            return False
        if (self.previous != self.known) if self.previous >= 0 else (self.first != self.known + 1):
            return False
        self.known = self.last
        self.bids.put_all(self.bid_prices.values, self.bid_sizes.values, self.bid_prices.count)
        self.asks.put_all(self.ask_prices.values, self.ask_sizes.values, self.ask_prices.count)
        self.applied += 1
        self.at = max(self.at, self.ts)
        self.book_at = max(self.book_at, self.ts)
        if self.metered:
            self.measure()
        return True

    cdef void measure(self) noexcept:
        """`Recorder.book`."""
        cdef Py_ssize_t bids = min(self.bids.count, LEVELS), asks = min(self.asks.count, LEVELS)
        cdef bint told = (
            bids > 0 and asks > 0
            and self.bids.price(bids - 1) >= self.reach_bid and self.asks.price(asks - 1) <= self.reach_ask
            and (bids == LEVELS or self.reach_bid == -INFINITY) and (asks == LEVELS or self.reach_ask == INFINITY)
        )
        cdef bint moved = True, other
        if not told or bids < LEVELS or asks < LEVELS:
            self.levels_known = self.levels_whole = False
        elif not self.levels_known:
            self.levels_known = self.begun = True
            begin_side(self.bid_side, self.bids)
            begin_side(self.ask_side, self.asks)
        else:
            moved = update_side(self.bid_side, self.bids)
            other = update_side(self.ask_side, self.asks)
            moved = moved or other
        if moved or self.since >= 0:
            self.sweep(told and bids >= TAKEN and asks >= TAKEN)

    cdef void sweep(self, bint told) noexcept:
        """`Resilience.update`."""
        cdef double bid, ask, spread, rounding, bid_before, third_bid, ask_before, third_ask
        cdef bint placed = self.placed, recovered
        cdef int64_t waited
        if not told:
            self.placed = self.sweeps_known = False
            self.since = -1
            return
        bid_before, third_bid, ask_before, third_ask = self.stood[0], self.stood[1], self.stood[2], self.stood[3]
        bid, ask = self.bids.price(0), self.asks.price(0)
        self.stood[0], self.stood[1] = bid, self.bids.price(TAKEN - 1)
        self.stood[2], self.stood[3] = ask, self.asks.price(TAKEN - 1)
        self.placed = True
        spread, rounding = ask - bid, 1e-12 * ask
        if self.since >= 0:
            waited = self.ts - self.since
            recovered = spread <= self.spread + rounding
            if recovered or waited > self.patience:
                self.ended += 1
                if recovered and waited <= self.patience:
                    self.recovered += 1
                self.waited += min(max(waited, 0), self.patience)
                self.since = -1
        if placed and (bid < third_bid or ask > third_ask) and spread > ask_before - bid_before + rounding:
            self.number += 1
            if self.since < 0:
                self.since, self.spread = self.ts, ask_before - bid_before

    cdef int load(self) except -1:
        """Look at the book; it stays closed where it is not one that goes on plainly."""
        cdef object book = self.quoting.book, sweeps = self.recorder._resilience
        cdef LevelFlow levels = self.recorder._levels
        self.loaded = True
        if (
            not book.synchronised or book.sequence is None or book.depth is not None or book.maintained is not None
            or book._sums
        ):
            return 0
        self.book, self.bids, self.asks = book, book.bids, book.asks
        self.known, self.applied, self.at = book.sequence, book.applied, book._at
        self.reach_bid, self.reach_ask = book._reach_bid, book._reach_ask
        self.book_at = self.quoting._book_at
        self.open = True
        self.levels, self.metered = levels, levels is not None
        if not self.metered:
            return 0
        self.levels_known, self.levels_whole = levels._known, levels._whole
        self.begun = levels._bids.placed
        self.bid_side, self.ask_side = &levels._bids.side, &levels._asks.side
        last, since = sweeps._last, sweeps._since
        self.placed = last is not None
        if self.placed:
            self.stood[0], self.stood[1], self.stood[2], self.stood[3] = last
        self.since = -1 if since is None else since
        self.sweeps_known, self.spread = sweeps._known, sweeps._spread
        self.number, self.ended = sweeps._number, sweeps._ended
        self.recovered, self.waited = sweeps._recovered, sweeps._waited
        return 0

    cdef int store(self) except -1:
        cdef object book = self.book, sweeps = self.recorder._resilience
        if self.applied == book.applied:
            return 0
        book.sequence, book.applied, book._at = self.known, self.applied, self.at
        book._fresh, book._proven = False, True
        self.quoting._book_at = self.book_at
        if not self.metered:
            return 0
        self.levels._known, self.levels._whole = self.levels_known, self.levels_whole
        self.levels._bids.placed = self.levels._asks.placed = self.begun
        sweeps._last = (self.stood[0], self.stood[1], self.stood[2], self.stood[3]) if self.placed else None
        sweeps._since = None if self.since < 0 else self.since
        sweeps._known, sweeps._spread = self.sweeps_known, self.spread
        sweeps._number, sweeps._ended = self.number, self.ended
        sweeps._recovered, sweeps._waited = self.recovered, self.waited
        return 0
