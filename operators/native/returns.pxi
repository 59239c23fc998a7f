"""The twins of `operators.desk.returns`: the same integers, in 128 bits instead of as many as there are."""

cdef extern from *:
    ctypedef long long int128 "__int128_t"

cdef enum:
    SHORT = 20  # the constants of the Python module, as lengths of arrays
    LONG = 60
    FARTHEST = 3
    HELD = LONG + SHORT + 1
    PRODUCTS = 2 * FARTHEST + 3

cdef double _NEAREST_ONE = 0.999999
cdef double _DEVIATION = sqrt(1.0 / (SHORT - 3) + 1.0 / (LONG - 3))


cdef struct Span:
    int128 total, variance
    double root


cdef Span _spanned(int length, int128 total, int128 squares):
    cdef Span made
    made.total, made.variance = total, length * squares - total * total
    made.root = sqrt(<double>made.variance)
    return made


cdef object _whole(int128 value):
    return (<object><int64_t>(value >> 64) << 64) | <object><uint64_t>value


cdef class Returns:
    """The twin of `operators.desk.returns.Returns`, of values below `BOUND`."""

    cdef int64_t held[HELD]  # the newest last; 0 where there is none yet
    cdef Py_ssize_t count
    cdef int128 long_, long2, short_, short2, earlier, earlier2
    cdef Span windows[FARTHEST + 1]
    cdef Span recent, before

    def __len__(self):
        return self.count

    @property
    def values(self):
        return [self.held[at] for at in range(HELD - self.count, HELD)]

    @property
    def last(self):
        return self.held[HELD - 1]

    def clear(self):
        memset(self.held, 0, sizeof(self.held))
        self.count = 0
        self.long_ = self.long2 = self.short_ = self.short2 = self.earlier = self.earlier2 = 0

    def push(self, int64_t x):
        cdef int128 new = x, a, b, c
        memmove(self.held, self.held + 1, (HELD - 1) * sizeof(int64_t))
        self.held[HELD - 1] = x
        self.count += self.count < HELD
        a, b, c = self.held[HELD - 1 - SHORT], self.held[HELD - 1 - LONG], self.held[0]
        self.long_ += new - b
        self.long2 += new * new - b * b
        self.short_ += new - a
        self.short2 += new * new - a * a
        self.earlier += a - c
        self.earlier2 += a * a - c * c
        memmove(self.windows + 1, self.windows, FARTHEST * sizeof(Span))
        self.windows[0] = _spanned(LONG, self.long_, self.long2)
        self.recent = _spanned(SHORT, self.short_, self.short2)
        self.before = _spanned(LONG, self.earlier, self.earlier2)


cdef class Comoments:
    """The twin of `operators.desk.returns.Comoments`."""

    cdef Returns x, y
    cdef Py_ssize_t bars
    cdef int128 sums[PRODUCTS]

    def follow(self, Returns x, Returns y):
        cdef Py_ssize_t before = self.bars
        cdef int term
        self.x, self.y, self.bars = x, y, min(x.count, y.count)
        for term in range(PRODUCTS):
            if self.bars == before == HELD:
                self.sums[term] += self._step(term)
            else:
                self.sums[term] = self._anew(term)

    def forget(self):
        self.bars = 0

    cdef int128 _step(self, int term):
        cdef Py_ssize_t x = HELD - 1 - _ago(term, -1), y = HELD - 1 - _ago(term, 1), length = _length(term)
        cdef int128 come = self.x.held[x], gone = self.x.held[x - length]
        return come * self.y.held[y] - gone * self.y.held[y - length]

    cdef int128 _anew(self, int term):
        cdef Py_ssize_t x = HELD - 1 - _ago(term, -1), y = HELD - 1 - _ago(term, 1), at
        cdef int128 total = 0, one
        for at in range(min(_length(term), self.bars - max(_ago(term, -1), _ago(term, 1)))):
            one = self.x.held[x - at]
            total += one * self.y.held[y - at]
        return total

    def correlation(self):
        if self.bars < LONG:
            return None
        return self._correlation(FARTHEST, &self.x.windows[0], &self.y.windows[0])

    def beta(self):
        cdef Span *x
        cdef Span *y
        if self.bars < LONG:
            return None
        x, y = &self.x.windows[0], &self.y.windows[0]
        if not y.variance:
            return None
        return _whole(LONG * self.sums[FARTHEST] - x.total * y.total) / _whole(y.variance)

    def lead(self):
        cdef double best = -1.0, found = 0.0, correlation
        cdef int step, lag, at = 0
        cdef Span *x
        cdef Span *y
        if self.bars < LONG + FARTHEST:
            return None
        for step in range(2 * FARTHEST + 1):  # the shortest first, of two the positive one
            lag = (step + 1) // 2 if step % 2 else -(step // 2)
            x, y = &self.x.windows[max(-lag, 0)], &self.y.windows[max(lag, 0)]
            if x.root and y.root:
                correlation = <double>(LONG * self.sums[FARTHEST + lag] - x.total * y.total) / (x.root * y.root)
                if fabs(correlation) > best:
                    best, found, at = fabs(correlation), correlation, lag
        return None if best < 0.0 else (float(at), _bounded(found))

    def shift(self):
        cdef object now, before
        if self.bars < LONG + SHORT:
            return None
        now = self._correlation(PRODUCTS - 2, &self.x.recent, &self.y.recent)
        before = self._correlation(PRODUCTS - 1, &self.x.before, &self.y.before)
        return None if now is None or before is None else (_fisher(now) - _fisher(before)) / _DEVIATION

    cdef object _correlation(self, int term, Span *x, Span *y):
        if not x.root or not y.root:
            return None
        return _bounded(<double>(_length(term) * self.sums[term] - x.total * y.total) / (x.root * y.root))


cdef Py_ssize_t _ago(int term, int side):
    """How many bars ago a term ends, of the second series; ``side`` -1: of the first."""
    if term < PRODUCTS - 2:
        return max(side * (term - FARTHEST), 0)
    return 0 if term == PRODUCTS - 2 else SHORT


cdef int _length(int term):
    return SHORT if term == PRODUCTS - 2 else LONG


cdef double _bounded(double correlation):
    return -1.0 if correlation < -1.0 else 1.0 if correlation > 1.0 else correlation


cdef double _fisher(double correlation):
    return atanh(max(-_NEAREST_ONE, min(_NEAREST_ONE, correlation)))
