"""The meters that every change of a book is told."""

cdef object _LevelsPart = LevelsPart

cdef enum:
    LEVELS = 5  # of `operators.flow.levels`
    TAKEN = 3  # of `operators.flow.resilience`


cdef struct Side:
    int sign
    double prices[LEVELS]
    double sizes[LEVELS]
    double begun[LEVELS]
    double sums[LEVELS]


cdef object listed(double *values):
    return [values[0], values[1], values[2], values[3], values[4]]


cdef int read_levels(double *values, list told) except -1:
    cdef Py_ssize_t at
    if PyList_GET_SIZE(told) != LEVELS:
        raise ValueError(f"{LEVELS} levels, and not {told}")
    for at in range(LEVELS):
        values[at] = told[at]
    return 0


cdef class LevelSide:
    """The twin of `operators.flow.levels.LevelSide`."""

    cdef Side side
    cdef bint placed  # it has had levels

    @property
    def _sign(self):
        return self.side.sign

    @_sign.setter
    def _sign(self, int sign):
        self.side.sign = sign

    @property
    def _prices(self):
        return listed(self.side.prices) if self.placed else []

    @_prices.setter
    def _prices(self, list told):
        self.placed = bool(told)
        if told:
            read_levels(self.side.prices, told)

    @property
    def _sizes(self):
        return listed(self.side.sizes) if self.placed else []

    @_sizes.setter
    def _sizes(self, list told):
        if told:
            read_levels(self.side.sizes, told)

    @property
    def _begun(self):
        return listed(self.side.begun) if self.placed else []

    @_begun.setter
    def _begun(self, list told):
        if told:
            read_levels(self.side.begun, told)

    @property
    def _sums(self):
        return listed(self.side.sums)

    @_sums.setter
    def _sums(self, list told):
        read_levels(self.side.sums, told)

    def begin(self, list prices, list sizes):
        self._prices, self._sizes, self._begun = prices, sizes, sizes

    def update(self, list prices, list sizes):
        cdef double new_prices[LEVELS]
        cdef double new_sizes[LEVELS]
        read_levels(new_prices, prices)
        read_levels(new_sizes, sizes)
        return change_side(&self.side, new_prices, new_sizes)

    def take(self):
        cdef Py_ssize_t at
        cdef double sums[LEVELS]
        for at in range(LEVELS):
            sums[at] = self.side.sums[at] + self.side.sizes[at] - self.side.begun[at]
        self.restart()
        return listed(sums) if self.placed else []

    def restart(self):
        cdef Py_ssize_t at
        for at in range(LEVELS):
            self.side.sums[at], self.side.begun[at] = 0.0, self.side.sizes[at]


cdef class LevelFlow:
    """The twin of `operators.flow.levels.LevelFlow`."""

    cdef public LevelSide _bids, _asks
    cdef public bint _known, _whole

    def update(self, tuple top):
        if top is None or len(top[0]) < LEVELS or len(top[2]) < LEVELS:
            self._known = self._whole = False
            return True
        bids, bid_sizes, asks, ask_sizes = top
        if not self._known:
            self._known = True
            self._bids.begin(bids, bid_sizes)
            self._asks.begin(asks, ask_sizes)
            return True
        bids_moved, asks_moved = self._bids.update(bids, bid_sizes), self._asks.update(asks, ask_sizes)
        return bids_moved or asks_moved

    def take(self):
        whole, self._whole = self._whole, self._known
        if not whole:
            self._bids.restart()
            self._asks.restart()
            return None
        return _LevelsPart(1, tuple([bid - ask for bid, ask in zip(self._bids.take(), self._asks.take())]))


cdef void begin_side(Side *side, Ladder ladder) noexcept:
    cdef Py_ssize_t at
    for at in range(LEVELS):
        side.prices[at], side.sizes[at] = ladder.price(at), ladder.size(at)
        side.begun[at] = side.sizes[at]


cdef bint update_side(Side *side, Ladder ladder) noexcept:
    cdef Py_ssize_t at
    cdef double prices[LEVELS]
    cdef double sizes[LEVELS]
    for at in range(LEVELS):
        prices[at], sizes[at] = ladder.price(at), ladder.size(at)
    return change_side(side, prices, sizes)


cdef bint change_side(Side *side, double *prices, double *sizes) noexcept:
    cdef Py_ssize_t at
    cdef bint moved = False
    cdef double price, size, change, ahead
    for at in range(LEVELS):
        if side.prices[at] != prices[at]:
            moved = True
            break
    for at in range(LEVELS):
        price, size = prices[at], sizes[at]
        if moved:
            change = 0.0
            if price == side.prices[at]:
                change = size
            else:
                ahead = side.sign * (price - side.prices[at])
                if ahead > 0.0:
                    change = size + side.sizes[at]
            side.sums[at] = side.sums[at] - side.begun[at] + change
            side.begun[at] = size
            side.prices[at] = price
        side.sizes[at] = size
    return moved
