"""What indicators have in common; the attributes are those of the Python classes, which say what they mean."""

cdef object _fsum = fsum
cdef long long _DAY = DAY_NS
cdef double _ROUNDING = ROUNDING
cdef long long _LATEST = LATEST, _LEAST_VALUES = LEAST_VALUES


cdef class ExponentialMovingAverage:
    """The twin of `operators.indicators.ema.ExponentialMovingAverage`."""

    cdef public double _alpha, _sum
    cdef public long _missing, _period
    cdef public object value

    def update(self, double x):
        cdef double known
        if self.value is not None:
            known = <double>self.value
            self.value = known + self._alpha * (x - known)
        else:
            self._sum += x
            self._missing -= 1
            if not self._missing:
                self.value = self._sum / self._period
        return self.value


cdef class RelativeStrengthIndex:
    """The twin of `operators.indicators.rsi.RelativeStrengthIndex`."""

    cdef public double _gain, _loss
    cdef public long _missing, _period
    cdef public object _previous, value

    def update(self, object x):
        cdef object previous = self._previous
        cdef double change, gain, loss, total, period = self._period
        self._previous = x
        if previous is None:
            return None
        change = <double>x - <double>previous
        gain, loss = (change, 0.0) if change > 0.0 else (0.0, -change)
        if self._missing:
            self._gain += gain
            self._loss += loss
            self._missing -= 1
            if self._missing:
                return None
            self._gain /= period
            self._loss /= period
        else:
            self._gain = (self._gain * (period - 1.0) + gain) / period
            self._loss = (self._loss * (period - 1.0) + loss) / period
        total = self._gain + self._loss
        self.value = 100.0 * self._gain / total if total > 0.0 else 0.0
        return self.value


cdef _grow(list parts, double x):
    cdef Py_ssize_t at = 0, place
    cdef double part, both, added, rest
    for place in range(PyList_GET_SIZE(parts)):
        part = <double>parts[place]
        both = x + part
        added = both - x
        rest = (x - (both - added)) + (part - added)
        if rest != 0.0:
            parts[at] = rest
            at += 1
        x = both
    del parts[at:]
    if x != 0.0:
        parts.append(x)


cdef class Mean:
    """The twin of `operators.indicators.window.Mean`."""

    cdef public list _values, _sum
    cdef public Py_ssize_t _at, length

    @property
    def full(self):
        return PyList_GET_SIZE(self._values) == self.length

    @property
    def total(self):
        return _fsum(self._sum)

    @property
    def mean(self):
        return <double>_fsum(self._sum) / (PyList_GET_SIZE(self._values) or 1)

    def push(self, object x):
        cdef list values = self._values
        cdef Py_ssize_t at = self._at
        cdef double new = x, gone, change, lost, rest
        if PyList_GET_SIZE(values) < self.length:
            values.append(x)
            _grow(self._sum, new)
            return
        gone = <double>values[at]
        values[at] = x
        self._at = at + 1 if at + 1 < self.length else 0
        change = new - gone
        lost = new - change
        rest = (new - (change + lost)) + (lost - gone)
        _grow(self._sum, change)
        if rest != 0.0:
            _grow(self._sum, rest)


cdef class Window:
    """The twin of `operators.indicators.window.Window`."""

    cdef public list _values
    cdef public Py_ssize_t _at, length

    @property
    def full(self):
        return PyList_GET_SIZE(self._values) == self.length

    def clear(self):
        self._values, self._at = [], 0

    @property
    def newest(self):
        cdef Py_ssize_t count = PyList_GET_SIZE(self._values)
        return self._values[(self._at or count) - 1] if count else 0.0

    @property
    def mean(self):
        return <double>self.newest + <double>self.spread()[0]

    @property
    def deviation(self):
        return self.spread()[1]

    def spread(self):
        cdef list values = self._values
        cdef Py_ssize_t at = self._at, count = PyList_GET_SIZE(values), place
        cdef double newest = self.newest, total = 0.0, squares = 0.0, shift, distance
        for place in range(at, count):
            distance = <double>values[place] - newest
            total += distance
            squares += distance * distance
        for place in range(at):
            distance = <double>values[place] - newest
            total += distance
            squares += distance * distance
        shift = total / (count or 1)
        return shift, sqrt((squares - total * shift) / (count or 1))

    def push(self, object x):
        cdef Py_ssize_t at = self._at
        if PyList_GET_SIZE(self._values) < self.length:
            self._values.append(x)
        else:
            self._values[at] = x
            self._at = at + 1 if at + 1 < self.length else 0


cdef class SessionsZScore:
    """The twin of `operators.indicators.zscore.SessionsZScore`."""

    cdef public object _session
    cdef public long long _end, _count
    cdef public double _mean, _squares
    cdef public tuple _before

    def update(self, long long ts_open, object x):
        cdef long long session
        cdef double value, step
        cdef object score
        if ts_open >= self._end:
            session = ts_open - ts_open % _DAY
            self._end = session + _DAY
            self._turn(session, ts_open == session)
        if x is None:
            return None
        if not self._count and ts_open >= self._end - _LATEST:
            self._session = None
        value = x
        score = self._score(value)
        self._count += 1
        step = value - self._mean
        self._mean += step / self._count
        self._squares += step * (value - self._mean)
        return score

    cdef _turn(self, long long session, bint whole):
        cdef bint known = self._session is not None and session == <long long>self._session + _DAY and self._count >= _LEAST_VALUES
        self._before = (self._count, self._mean, self._squares) if known and whole else None
        self._session = session if whole else None
        self._count = 0
        self._mean = self._squares = 0.0

    cdef object _score(self, double x):
        cdef long long count, both
        cdef double mean, squares, apart, deviation
        if self._before is None:
            return None
        count, mean, squares = self._before[0], self._before[1], self._before[2]
        both = count + self._count
        apart = self._mean - mean if self._count else 0.0
        mean += apart * self._count / both
        squares += self._squares + apart * apart * count * self._count / both
        deviation = sqrt(squares / both) if squares > 0.0 else 0.0
        return (x - mean) / deviation if deviation > _ROUNDING * fabs(mean) else None


cdef class AverageTrueRange:
    """The twin of `operators.indicators.atr.AverageTrueRange`."""

    cdef public long _missing, _period
    cdef public double _sum
    cdef public object _close, value

    def update(self, double high, double low, object close):
        cdef object before = self._close
        cdef double span
        self._close = close
        if before is None:
            return None
        span = max(high, <double>before) - min(low, <double>before)
        if self.value is not None:
            self.value = (<double>self.value * (self._period - 1) + span) / self._period
        else:
            self._sum += span
            self._missing -= 1
            if not self._missing:
                self.value = self._sum / self._period
        return self.value


cdef class AverageDirectionalIndex:
    """The twin of `operators.indicators.adx.AverageDirectionalIndex`."""

    cdef public long _missing, _period, _seeds
    cdef public double _plus, _minus, _range, _high, _low, _seed
    cdef public object _close, value

    def update(self, double high, double low, object close):
        cdef object before = self._close
        cdef double up = high - self._high, down = self._low - low, period = self._period
        cdef double span, plus, minus, plus_di, minus_di, both
        self._close, self._high, self._low = close, high, low
        if before is None:
            return None, None, None
        span = max(high, <double>before) - min(low, <double>before)
        plus = up if up > down and up > 0.0 else 0.0
        minus = down if down > up and down > 0.0 else 0.0
        if self._missing:
            self._missing -= 1
            self._plus += plus
            self._minus += minus
            self._range += span
            return None, None, None
        self._plus += plus - self._plus / period
        self._minus += minus - self._minus / period
        self._range += span - self._range / period
        if self._range <= 0.0:
            self._average(0.0, False)
            return self.value, 0.0, 0.0
        plus_di, minus_di = 100.0 * self._plus / self._range, 100.0 * self._minus / self._range
        both = plus_di + minus_di
        self._average(100.0 * fabs(plus_di - minus_di) / both if both > 0.0 else 0.0, both > 0.0)
        return self.value, plus_di, minus_di

    cdef _average(self, double x, bint moved):
        cdef double period = self._period
        if self.value is None:
            self._seed += x
            self._seeds += 1
            if self._seeds == self._period:
                self.value = self._seed / period
        elif moved:
            self.value = (<double>self.value * (period - 1.0) + x) / period
