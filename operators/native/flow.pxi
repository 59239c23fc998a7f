"""What is measured between two closes; the attributes are those of the Python classes, which say what they mean."""

cdef object _bisect_left = bisect_left
cdef int64_t _SECOND = SECOND_NS, _HOUR = HOUR_NS
cdef double _NAN = NAN
cdef object _SpreadPart = SpreadPart, _ImpactPart = ImpactPart, _LargePart = LargePart, _TradesPart = TradesPart
cdef Py_ssize_t _MOST_BINS = MOST_BINS, _LEAST_TRADES = LEAST_TRADES
cdef double _LARGE = LARGE


cdef class OrderFlowImbalance:
    """The twin of `operators.microstructure.OrderFlowImbalance`."""

    cdef public object _last
    cdef public bint _known
    cdef public double _sum

    def update(self, list quotes):
        cdef tuple quote
        cdef double old_bid, old_bid_size, old_ask, old_ask_size, bid, bid_size, ask, ask_size, flow
        if not quotes:
            return
        quote = self._last or quotes[0]
        old_bid, old_bid_size, old_ask, old_ask_size = quote[0], quote[1], quote[2], quote[3]
        for quote in quotes:
            bid, bid_size, ask, ask_size = quote[0], quote[1], quote[2], quote[3]
            if bid == old_bid:
                flow = bid_size - old_bid_size
            elif bid > old_bid:
                flow = bid_size
            else:
                flow = -old_bid_size
            if ask == old_ask:
                flow = flow - ask_size + old_ask_size
            elif ask < old_ask:
                flow -= ask_size
            else:
                flow += old_ask_size
            self._sum += flow
            old_bid, old_bid_size, old_ask, old_ask_size = bid, bid_size, ask, ask_size
        self._last, self._known = quote, True

    def lose(self):
        self._last = None

    def take(self):
        total = self._sum if self._known else None
        self._sum, self._known = 0.0, self._last is not None
        return total


cdef class SpreadMeter:
    """The twin of `operators.flow.spread.SpreadMeter`."""

    cdef public double _bid, _ask, _area, _area_bps, _low, _high, _low_bps, _high_bps
    cdef public int64_t _since, _known

    def update(self, list moves):
        cdef tuple move
        cdef double bid, ask
        for move in moves:
            bid, ask = move[1], move[2]
            if bid != self._bid or ask != self._ask:
                self._advance(move[0])
                self._bid, self._ask = bid, ask
                self._see()

    def lose(self, int64_t ts):
        self._advance(ts)
        self._bid = self._ask = 0.0

    def take(self, int64_t end):
        self._advance(end)
        part = None
        if self._known:
            part = _SpreadPart(
                self._known, self._area, self._area_bps, self._low, self._high, self._low_bps, self._high_bps
            )  # fmt: skip
        self._known, self._area, self._area_bps = 0, 0.0, 0.0
        self._low = self._low_bps = INFINITY
        self._high = self._high_bps = 0.0
        if self._ask:
            self._see()
        return part

    cdef int _advance(self, int64_t ts) noexcept:
        cdef int64_t length = ts - self._since
        if length > 0:
            self._since = ts
            if self._ask:
                self._known += length
                self._area += (self._ask - self._bid) * length
                self._area_bps += 20_000.0 * (self._ask - self._bid) / (self._ask + self._bid) * length
        return 0

    cdef int _see(self) noexcept:
        cdef double spread = self._ask - self._bid, bps = 20_000.0 * spread / (self._ask + self._bid)
        self._low = spread if spread < self._low else self._low
        self._high = spread if spread > self._high else self._high
        self._low_bps = bps if bps < self._low_bps else self._low_bps
        self._high_bps = bps if bps > self._high_bps else self._high_bps
        return 0


cdef class ImpactMeter:
    """The twin of `operators.flow.impact.ImpactMeter`."""

    cdef public int64_t _since, _latest
    cdef public object _mid
    cdef public dict _flows, _mids

    def begin(self, int64_t ts):
        self._since, self._mid, self._flows, self._mids = ts, None, {}, {}

    def trades(self, list trades):
        cdef tuple trade
        cdef double size, flow = 0.0
        cdef int64_t second, at = -1
        for trade in trades:
            size = trade[4]
            if not size:
                continue
            second = <int64_t>trade[0] // _SECOND
            if second != at:
                if at >= 0:
                    self._flows[at] = flow
                at, flow = second, self._flows.get(second, 0.0)
            side = trade[5]
            flow += size if side == "buy" else -size if side == "sell" else _NAN
        if at >= 0:
            self._flows[at] = flow

    def quotes(self, list moves):
        cdef tuple move
        cdef int64_t second, at = -1
        cdef double mid = 0.0
        for move in moves:
            second = <int64_t>move[0] // _SECOND
            if second > self._latest:
                if at >= 0:
                    self._mids[at] = mid
                self._latest = second
            at, mid = self._latest, (<double>move[1] + <double>move[2]) / 2.0
        if at >= 0:
            self._mids[at] = mid

    def lose(self, int64_t ts):
        if self._mids or self._mid is not None:
            self._latest = max(self._latest, ts // _SECOND)
            self._mids[self._latest] = None

    def take(self, int64_t end):
        cdef dict flows = self._flows, mids = self._mids
        cdef object mid = self._mid, before, key, changed = None
        cdef int64_t second = self._since // _SECOND, last = end // _SECOND
        cdef double flow
        cdef list seen = [], moved = []
        self._flows, self._mids, self._since = {}, {}, end
        if not mids and mid is None:
            return None
        while second < last:
            if mid is None:
                changed = sorted(mids) if changed is None else changed
                at = _bisect_left(changed, second)
                if at == len(changed) or changed[at] >= last:
                    break
                second = changed[at]
            key = second
            before, mid = mid, mids.get(key, mid)
            if before is not None and mid is not None:
                flow = flows.get(key, 0.0)
                if flow == flow:
                    seen.append(flow)
                    moved.append(<double>mid - <double>before)
            second += 1
        self._mid = mid
        return _impact(seen, moved) if seen else None


cdef object _impact(list flows, list moves):
    cdef Py_ssize_t count = PyList_GET_SIZE(flows), at
    cdef double flow = _fsum(flows) / count, move = _fsum(moves) / count, x, y
    cdef list xx = [], xy = [], yy = []
    for at in range(count):
        x, y = <double>flows[at] - flow, <double>moves[at] - move
        xx.append(x * x)
        xy.append(x * y)
        yy.append(y * y)
    return _ImpactPart(count, flow, move, _fsum(xx), _fsum(xy), _fsum(yy))


cdef class LogHistogram:
    """The twin of `operators.flow.quantile.LogHistogram`."""

    cdef public double _scale
    cdef public dict _counts
    cdef public int64_t count

    cdef LogHistogram empty(self):
        cdef LogHistogram made = type(self).__new__(type(self))
        made._scale, made._counts = self._scale, {}
        return made

    def add(self, double value):
        cdef object at = <int64_t>ceil(log(value) * self._scale)
        cdef object known = self._counts.get(at)
        if known is not None:
            self._counts[at] = <int64_t>known + 1
        else:
            self._counts[at] = 1
            if len(self._counts) > _MOST_BINS:
                self._collapse()
        self.count += 1

    def quantile(self, double share, LogHistogram beside=None):
        cdef dict counts = self._counts, others = {} if beside is None else beside._counts
        cdef int64_t count = self.count + (0 if beside is None else beside.count)
        cdef int64_t above = count - 1 - <int64_t>(share * (count - 1))
        cdef Py_ssize_t place = 0
        cdef double at
        for key in sorted({*counts, *others}, reverse=True):
            above -= <int64_t>counts.get(key, 0) + <int64_t>others.get(key, 0)
            place += 1
            if above < 0 or place == _MOST_BINS:
                at = key
                return 2.0 * exp(at / self._scale) / (exp(1.0 / self._scale) + 1.0)
        return None

    cdef _collapse(self):
        excess = len(self._counts) - _MOST_BINS
        if excess > 0:
            *lowest, least = sorted(self._counts)[: excess + 1]
            self._counts[least] += sum([self._counts.pop(at) for at in lowest])


cdef class LargeTrades:
    """The twin of `operators.flow.large.LargeTrades`."""

    cdef public object _hour, threshold
    cdef public LogHistogram _before, _current
    cdef public int64_t _trades, _count
    cdef public double _notional, _large, _bought, _sold

    def update(self, list trades):
        cdef tuple trade
        cdef double size, notional, threshold = 0.0
        cdef bint known = self.threshold is not None
        if known:
            threshold = self.threshold
        for trade in trades:
            size = trade[4]
            if not size:
                continue
            notional = <double>trade[3] * size
            self._current.add(notional)
            if not known:
                continue
            self._trades += 1
            self._notional += notional
            if notional >= threshold:
                self._count += 1
                self._large += notional
                side = trade[5]
                if side == "buy":
                    self._bought += notional
                elif side == "sell":
                    self._sold += notional

    def take(self, int64_t end):
        cdef int64_t hour = end // _HOUR
        sums = self._trades, self._notional, self._count, self._large, self._bought, self._sold
        self._trades = self._count = 0
        self._notional = self._large = self._bought = self._sold = 0.0
        if self._hour is None:
            self._hour = (end - 1) // _HOUR
        if hour != <int64_t>self._hour:
            self._before = self._current if hour == <int64_t>self._hour + 1 else self._current.empty()
            self._current, self._hour = self._current.empty(), hour
        if not self._before.count + self._current.count:
            self.threshold = None
            return None
        self.threshold = None
        if self._before.count + self._current.count >= _LEAST_TRADES:
            self.threshold = self._current.quantile(_LARGE, self._before)
        return _LargePart(*sums, self.threshold)


cdef class TradeClock:
    """The twin of `operators.flow.intensity.TradeClock`."""

    cdef public dict _counts
    cdef public object _last

    def update(self, list trades):
        cdef tuple trade
        cdef int64_t second, at = -1, count = 0
        cdef object latest = None
        for trade in trades:
            if not trade[4]:
                continue
            latest = trade[0]
            second = <int64_t>latest // _SECOND
            if second != at:
                if at >= 0:
                    self._counts[at] = count
                at, count = second, self._counts.get(second, 0)
            count += 1
        if latest is not None:
            self._counts[at] = count
            self._last = latest if self._last is None else max(self._last, latest)

    def take(self, int64_t end, *, bint heard):
        cdef dict counts = self._counts
        cdef int64_t total = 0, most = 0, count
        self._counts = {}
        if not heard:
            self._last = None
        if self._last is None and not counts:
            return None
        for value in counts.values():
            count = value
            total += count
            most = max(most, count)
        since = None if self._last is None else end - <int64_t>self._last
        return _TradesPart(total, most, len(counts), since)


cdef class BookMeter:
    """The twin of `operators.flow.samples.BookMeter`."""

    cdef public list _numbers, _totals, _lows, _highs

    def add(self, values):
        cdef Py_ssize_t at = 0, count = PyList_GET_SIZE(self._numbers), extremes = PyList_GET_SIZE(self._lows)
        cdef double known
        for value in values:
            if value is not None and at < count:
                known = value
                if at < extremes:
                    if not self._numbers[at]:
                        self._lows[at] = self._highs[at] = value
                    elif known < <double>self._lows[at]:
                        self._lows[at] = value
                    elif known > <double>self._highs[at]:
                        self._highs[at] = value
                self._numbers[at] = <int64_t>self._numbers[at] + 1
                self._totals[at] = <double>self._totals[at] + known
            at += 1

    def take(self):
        from operators.flow.samples import SamplesPart  # which itself asks for what is compiled here

        cdef list numbers = self._numbers, lows = self._lows
        if not any(numbers):
            return None
        part = SamplesPart(tuple(numbers), tuple(self._totals), tuple(lows), tuple(self._highs))
        self._numbers, self._totals = [0] * len(numbers), [0.0] * len(numbers)
        self._lows, self._highs = [INFINITY] * len(lows), [-INFINITY] * len(lows)
        return part
