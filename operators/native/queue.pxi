"""Best quotes on their way into the bars."""

cdef int64_t RESTART = _RESTART
cdef tuple LOST = (None,) * 4


cdef struct Waiting:
    int64_t ts, sequence, arrival
    double bid, bid_size, ask, ask_size
    bint lost


cdef int compare(const void *left, const void *right) noexcept nogil:
    cdef const Waiting *one = <const Waiting *> left
    cdef const Waiting *other = <const Waiting *> right
    if one.ts != other.ts:
        return -1 if one.ts < other.ts else 1
    if one.sequence != other.sequence:
        return -1 if one.sequence < other.sequence else 1
    return (one.arrival > other.arrival) - (one.arrival < other.arrival)


cdef class QuoteQueue:
    """`operators.quote_queue.QuoteQueue`, in one array instead of a tuple a quote."""

    cdef readonly int64_t last
    cdef int64_t last_at, arrivals
    cdef Waiting *waiting
    cdef Py_ssize_t count, ordered, room, most

    def __cinit__(self, Py_ssize_t most):
        self.most = most

    def __dealloc__(self):
        free(self.waiting)

    def add(self, int64_t ts, int64_t sequence, quote):
        if quote is None:
            return self.push(ts, sequence, 0.0, 0.0, 0.0, 0.0, True)
        bid, bid_size, ask, ask_size = quote
        return self.push(ts, sequence, bid, bid_size, ask, ask_size, False)

    cdef bint push(
        self, int64_t ts, int64_t sequence, double bid, double bid_size, double ask, double ask_size, bint lost
    ) except -1:
        if self.count >= self.most:
            return False
        self.arrivals += 1
        self.put(Waiting(ts, sequence, self.arrivals, bid, bid_size, ask, ask_size, lost))
        return True

    cdef int put(self, Waiting quote) except -1:
        if self.count == self.room:
            self.grow(max(64, 2 * self.room))
        self.waiting[self.count] = quote
        self.count += 1
        return 0

    cdef int grow(self, Py_ssize_t room) except -1:
        cdef Waiting *moved = <Waiting *> realloc(self.waiting, room * sizeof(Waiting))
        if moved == NULL:
            raise MemoryError
        self.waiting, self.room = moved, room
        return 0

    cdef Py_ssize_t passed(self, int64_t before) noexcept:
        """How many are before ``before`` (ns); puts them in order, where most are."""
        cdef Py_ssize_t at
        for at in range(max(self.ordered, 1), self.count):
            if compare(&self.waiting[at - 1], &self.waiting[at]) > 0:
                qsort(self.waiting, self.count, sizeof(Waiting), compare)
                break
        self.ordered = self.count
        at = 0
        while at < self.count and self.waiting[at].ts < before:
            at += 1
        return at

    cdef void forget(self, Py_ssize_t passed) noexcept:
        self.count -= passed
        self.ordered = self.count
        memmove(self.waiting, self.waiting + passed, self.count * sizeof(Waiting))

    def drop(self, int64_t before):
        cdef Py_ssize_t at, quotes = 0, passed = self.passed(before)
        for at in range(passed):
            quotes += not self.waiting[at].lost
        self.forget(passed)
        return quotes

    def release(self, int64_t before):
        cdef Py_ssize_t at, passed = self.passed(before)
        cdef Waiting *quote
        cdef Waiting *latest = NULL
        cdef double bid_before = 0.0, ask_before = 0.0
        cdef list stretches = [], told = [], moves = []
        for at in range(passed):
            quote = &self.waiting[at]
            if quote.lost:
                if latest != NULL:
                    told.append(best_of(latest))
                stretches.append((told, moves, quote.ts))
                told, moves, latest, bid_before = [], [], NULL, 0.0
                continue
            if quote.sequence:
                if quote.sequence <= self.last and quote.ts <= self.last_at + RESTART:
                    continue
                self.last_at, self.last = quote.ts, quote.sequence
            if quote.bid != bid_before or quote.ask != ask_before:
                if latest != NULL:
                    told.append(best_of(latest))
                told.append(best_of(quote))
                moves.append((quote.ts, quote.bid, quote.ask))
                bid_before, ask_before = quote.bid, quote.ask
            latest = quote
        if latest != NULL:
            told.append(best_of(latest))
            stretches.append((told, moves, None))
        self.forget(passed)
        return stretches

    def state(self):
        cdef Py_ssize_t at
        cdef Waiting *one
        items = []
        for at in range(self.count):
            one = &self.waiting[at]
            items.append((one.ts, one.sequence, one.arrival, *(LOST if one.lost else best_of(one))))
        return [packed(items), self.arrivals, self.last_at, self.last]

    def restore(self, state):
        items, self.arrivals, self.last_at, self.last = state
        self.count = self.ordered = 0
        for ts, sequence, arrival, *quote in unpacked(items):
            lost = quote[0] is None
            bid, bid_size, ask, ask_size = (0.0,) * 4 if lost else quote
            self.put(Waiting(ts, sequence, arrival, bid, bid_size, ask, ask_size, lost))


cdef inline tuple best_of(const Waiting *quote):
    return quote.bid, quote.bid_size, quote.ask, quote.ask_size
