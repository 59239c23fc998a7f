"""A bar while it can still change."""


cdef class Prices:
    """The numbers of an `operators.bars.OpenBar`, and what changes them."""

    cdef public int64_t ts_open, trades, revision
    cdef public double open, high, low, close, volume, notional, buy_volume, sell_volume
    cdef public double bid_low, bid_high, bid_last, ask_first, ask_low, ask_high, ask_last
    cdef public object bid_first, open_at, close_at, origin
    cdef public list quality

    def __init__(self, int64_t ts_open):
        self.ts_open, self.open_at, self.close_at, self.origin, self.quality = ts_open, (0, 0), (0, 0), "trades", []

    def trade(self, tuple at, price, size, side):
        self.add([(at[0], at[1], 0, price, size, side, None)])

    def add(self, list trades):
        cdef tuple trade
        cdef int64_t ts, open_ts = self.open_at[0], close_ts = self.close_at[0]
        cdef object order, side, open_order = self.open_at[1], close_order = self.close_at[1]
        cdef double price, size
        for trade in trades:
            ts, order, price, size, side = trade[0], trade[1], trade[3], trade[4], trade[5]
            if not size:
                continue
            if not self.trades:
                self.open = self.high = self.low = self.close = price
                open_ts, open_order, close_ts, close_order = ts, order, ts, order
            else:
                if price > self.high:
                    self.high = price
                elif price < self.low:
                    self.low = price
                if ts > close_ts or (ts == close_ts and order >= close_order):
                    self.close, close_ts, close_order = price, ts, order
                elif ts < open_ts or (ts == open_ts and order < open_order):
                    self.open, open_ts, open_order = price, ts, order
            self.trades += 1
            self.volume += size
            self.notional += price * size
            if side == "buy":
                self.buy_volume += size
            elif side == "sell":
                self.sell_volume += size
        self.open_at, self.close_at = (open_ts, open_order), (close_ts, close_order)

    def quotes(self, list moves):
        cdef tuple move = moves[0]
        cdef double bid, ask
        if self.bid_first is None:
            self.bid_first = move[1]
            self.bid_low = self.bid_high = move[1]
            self.ask_first = self.ask_low = self.ask_high = move[2]
        for move in moves:
            bid, ask = move[1], move[2]
            if bid < self.bid_low:
                self.bid_low = bid
            elif bid > self.bid_high:
                self.bid_high = bid
            if ask < self.ask_low:
                self.ask_low = ask
            elif ask > self.ask_high:
                self.ask_high = ask
        self.bid_last, self.ask_last = bid, ask

    def absorb(self, part):
        cdef Prices other = part if isinstance(part, Prices) else type(self).restored(part.state())
        if other.trades or other.origin == "exchange":
            self._absorb_prices(other)
        self.trades += other.trades
        self.volume += other.volume
        self.notional += other.notional
        self.buy_volume += other.buy_volume
        self.sell_volume += other.sell_volume
        self.absorb_quotes(other)
        for flag in other.quality:
            if flag != "empty" and flag not in self.quality:
                self.quality.append(flag)

    def absorb_quotes(self, Prices part):
        if part.bid_first is None:
            return
        if self.bid_first is None:
            self.bid_first, self.bid_low, self.bid_high = part.bid_first, part.bid_low, part.bid_high
            self.ask_first, self.ask_low, self.ask_high = part.ask_first, part.ask_low, part.ask_high
        else:
            self.bid_low, self.bid_high = min(self.bid_low, part.bid_low), max(self.bid_high, part.bid_high)
            self.ask_low, self.ask_high = min(self.ask_low, part.ask_low), max(self.ask_high, part.ask_high)
        self.bid_last, self.ask_last = part.bid_last, part.ask_last

    cdef _absorb_prices(self, Prices part):
        if not self.trades and self.origin != "exchange":
            self.open, self.high, self.low, self.close = part.open, part.high, part.low, part.close
            self.open_at, self.close_at = part.open_at, part.close_at
        else:
            self.high, self.low = max(self.high, part.high), min(self.low, part.low)
            if part.close_at >= self.close_at:
                self.close, self.close_at = part.close, part.close_at
            if part.open_at < self.open_at:
                self.open, self.open_at = part.open, part.open_at
        self.origin = part.origin


class OpenBar(Prices):
    """The twin of `operators.bars.OpenBar`, of which it has whatever changes no number."""

    __slots__ = ()
    traded, sided, empty, flag, record, state = (
        PlainBar.traded, PlainBar.sided, PlainBar.empty, PlainBar.flag, PlainBar.record, PlainBar.state,
    )  # fmt: skip
    restored, of = classmethod(PlainBar.restored.__func__), classmethod(PlainBar.of.__func__)
