"""What price structures have in common; the attributes are those of the Python classes, which say what they mean."""

cdef long long _AGES = ZONE_AGES
cdef Py_ssize_t _MOST = ZONES_MOST
cdef long long _LEVEL_AGES = LEVEL_AGES
cdef double _LEVEL_NEAR = LEVEL_NEAR


cdef class Swings:
    """The twin of `operators.indicators.swings.Swings`."""

    cdef public list _highs, _lows
    cdef public Py_ssize_t reach

    def update(self, object high, object low):
        cdef list highs = self._highs, lows = self._lows
        cdef Py_ssize_t reach = self.reach
        cdef object top, bottom
        highs.append(high)
        lows.append(low)
        if PyList_GET_SIZE(highs) <= 2 * reach:
            return None, None
        top = highs[reach] if _stands_out(highs, reach, 1.0) else None
        bottom = lows[reach] if _stands_out(lows, reach, -1.0) else None
        del highs[0], lows[0]
        return top, bottom


cdef bint _stands_out(list values, Py_ssize_t reach, double side):
    """Whether the one in the middle is above those before it and not below those after it; ``side`` -1: mirrored."""
    cdef double middle = side * <double>values[reach]
    cdef Py_ssize_t ago
    for ago in range(1, reach + 1):
        if side * <double>values[reach - ago] >= middle or side * <double>values[reach + ago] > middle:
            return False
    return True


cdef class Zones:
    """The twin of `operators.indicators.zones.Zones`."""

    cdef public long _side
    cdef public long long _bars
    cdef public list _since, _nears, _fars, _reached
    cdef public Py_ssize_t _at
    cdef public double _deepest, _limit

    def move(self, object high, object low, double close):
        cdef object extreme = low if self._side > 0 else high
        self._bars += 1
        if not self._since:
            return
        if self._side * (<double>extreme - self._deepest) < 0.0:
            self._enter(extreme)
        if self._side * (close - self._limit) < 0.0 or <long long>self._since[0] <= self._bars - _AGES:
            self._keep(close)

    def add(self, object near, object far):
        self._since.append(self._bars)
        self._nears.append(near)
        self._fars.append(far)
        self._reached.append(near)
        if PyList_GET_SIZE(self._since) > _MOST:
            del self._since[0], self._nears[0], self._fars[0], self._reached[0]
        self._look()

    def nearest(self, double close):
        cdef double near, entered
        if not self._since:
            return None, None
        near = <double>self._nears[self._at]
        entered = (near - <double>self._reached[self._at]) / (near - <double>self._fars[self._at])
        entered = 0.0 if entered < 0.0 else 1.0 if entered > 1.0 else entered
        return 10_000.0 * (close - near) * self._side / close, entered

    cdef _enter(self, object extreme):
        cdef double deepest = <double>extreme
        cdef Py_ssize_t at
        for at in range(PyList_GET_SIZE(self._reached)):
            if self._side * (deepest - <double>self._reached[at]) < 0.0:
                self._reached[at] = extreme
        self._deepest = _first(self._reached, self._side)

    cdef _keep(self, double close):
        cdef long long since = self._bars - _AGES
        cdef Py_ssize_t at
        cdef list kept = []
        for at in range(PyList_GET_SIZE(self._fars)):
            if <long long>self._since[at] > since and (close - <double>self._fars[at]) * self._side >= 0.0:
                kept.append(at)
        self._since = [self._since[at] for at in kept]
        self._nears = [self._nears[at] for at in kept]
        self._fars = [self._fars[at] for at in kept]
        self._reached = [self._reached[at] for at in kept]
        if kept:
            self._look()

    cdef _look(self):
        cdef double first = _first(self._nears, self._side)
        self._at = 0
        while <double>self._nears[self._at] != first:
            self._at += 1
        self._deepest, self._limit = _first(self._reached, self._side), _first(self._fars, self._side)


cdef double _first(list prices, long side):
    """The highest; ``side`` -1: the lowest."""
    cdef double found = <double>prices[0], price
    for price in prices:
        if side * (price - found) > 0.0:
            found = price
    return found


cdef class Levels:
    """The twin of `operators.indicators.levels.Levels`."""

    cdef public object _swings
    cdef public long long _bars
    cdef public list _ages, _prices

    def update(self, object high, object low, double close):
        cdef list ages = self._ages, prices = self._prices
        cdef Py_ssize_t at
        cdef object swing
        self._bars += 1
        while ages and <long long>(<list>ages[0])[0] <= self._bars - _LEVEL_AGES:
            del prices[_left(prices, <double>(<list>ages.pop(0))[1])]
        for swing in self._swings.update(high, low):
            if swing is not None:
                ages.append([self._bars, swing])
                prices.insert(_right(prices, <double>swing), swing)
        at = _right(prices, close)
        return *self._told(at - 1, close), *self._told(at, close)

    cdef tuple _told(self, Py_ssize_t at, double close):
        cdef list prices = self._prices
        cdef double price
        cdef Py_ssize_t first, end
        if not 0 <= at < PyList_GET_SIZE(prices):
            return None, None
        price = <double>prices[at]
        first, end = _left(prices, price * (1.0 - _LEVEL_NEAR)), _right(prices, price * (1.0 + _LEVEL_NEAR))
        return 10_000.0 * fabs(close - price) / close, float(end - first)


cdef Py_ssize_t _left(list prices, double price):
    """Where ``price`` would go before equal ones."""
    cdef Py_ssize_t low = 0, high = PyList_GET_SIZE(prices), middle
    while low < high:
        middle = (low + high) // 2
        if <double>prices[middle] < price:
            low = middle + 1
        else:
            high = middle
    return low


cdef Py_ssize_t _right(list prices, double price):
    """Where ``price`` would go behind equal ones."""
    cdef Py_ssize_t low = 0, high = PyList_GET_SIZE(prices), middle
    while low < high:
        middle = (low + high) // 2
        if price < <double>prices[middle]:
            high = middle
        else:
            low = middle + 1
    return low
