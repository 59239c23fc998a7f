"""One side of a book."""

cdef class Ladder:
    """`operators.ladder.Ladder`: prices and sizes as two sorted arrays, the best level last, where most changes are."""

    cdef readonly int sign
    cdef double *keys  # sign * price, ascending
    cdef double *amounts
    cdef Py_ssize_t count, room

    def __cinit__(self, int sign):
        self.sign = sign
        self.count, self.room = 0, 0
        self.keys = self.amounts = NULL

    def __dealloc__(self):
        free(self.keys)
        free(self.amounts)

    def __len__(self):
        return self.count

    @property
    def levels(self):
        """Sizes by price, worst first."""
        return {self.sign * self.keys[at]: self.amounts[at] for at in range(self.count)}

    cdef int reserve(self, Py_ssize_t wanted) except -1:
        cdef Py_ssize_t room = self.room
        cdef double *moved
        if wanted <= room:
            return 0
        room = max(64, 2 * room, wanted)
        moved = <double *> realloc(self.keys, room * sizeof(double))
        if moved == NULL:
            raise MemoryError
        self.keys = moved
        moved = <double *> realloc(self.amounts, room * sizeof(double))
        if moved == NULL:
            raise MemoryError
        self.amounts, self.room = moved, room
        return 0

    cdef Py_ssize_t find(self, double key) noexcept:
        """Where ``key`` is, or belongs: the first place that is not below it."""
        cdef Py_ssize_t low = 0, high = self.count, step = 1, middle
        while step < high and self.keys[high - step] >= key:  # from the best on
            step *= 2
        if step < high:
            low = high - step
        high -= step // 2
        while low < high:
            middle = (low + high) // 2
            if self.keys[middle] < key:
                low = middle + 1
            else:
                high = middle
        return low

    cdef int put(self, double price, double size) except -1:
        cdef double key = self.sign * price
        cdef Py_ssize_t at = self.find(key)
        if at < self.count and self.keys[at] == key:
            if size != 0.0:
                self.amounts[at] = size
                return 0
            self.count -= 1
            memmove(&self.keys[at], &self.keys[at + 1], (self.count - at) * sizeof(double))
            memmove(&self.amounts[at], &self.amounts[at + 1], (self.count - at) * sizeof(double))
        elif size != 0.0:
            self.reserve(self.count + 1)
            memmove(&self.keys[at + 1], &self.keys[at], (self.count - at) * sizeof(double))
            memmove(&self.amounts[at + 1], &self.amounts[at], (self.count - at) * sizeof(double))
            self.keys[at], self.amounts[at] = key, size
            self.count += 1
        return 0

    cdef int put_all(self, const double *prices, const double *sizes, Py_ssize_t count) except -1:
        cdef Py_ssize_t at
        for at in range(count):
            self.put(prices[at], sizes[at])
        return 0

    cdef inline double price(self, Py_ssize_t place) noexcept:
        """Of the level ``place`` behind the best."""
        return self.sign * self.keys[self.count - 1 - place]

    cdef inline double size(self, Py_ssize_t place) noexcept:
        return self.amounts[self.count - 1 - place]

    def replace(self, list prices, list sizes):
        self.count = 0
        self.update(prices, sizes)

    def update(self, list prices, list sizes):
        cdef Py_ssize_t at
        if len(prices) != len(sizes):
            raise ValueError(f"zip() of {len(prices)} prices and {len(sizes)} sizes")
        for at in range(len(prices)):
            self.put(prices[at], sizes[at])

    def best(self, Py_ssize_t count):
        return [self.price(place) for place in range(min(count, self.count))]

    def top(self, Py_ssize_t count):
        count = min(count, self.count)
        return [self.price(place) for place in range(count)], [self.size(place) for place in range(count)]

    def within(self, double bound):
        return self.top(self.count - self.find(self.sign * bound))

    def worst(self):
        if not self.count:
            raise ValueError("there is no level")
        return self.sign * self.keys[0]

    def trim(self, Py_ssize_t depth):
        cdef Py_ssize_t excess = self.count - depth
        if excess <= 0:
            return False
        self.count = depth
        memmove(self.keys, &self.keys[excess], depth * sizeof(double))
        memmove(self.amounts, &self.amounts[excess], depth * sizeof(double))
        return True

    def state(self):
        cdef Py_ssize_t at
        cdef bytes prices = (<char *> self.keys)[:self.count * sizeof(double)] if self.count else b""
        cdef bytes sizes = (<char *> self.amounts)[:self.count * sizeof(double)] if self.count else b""
        cdef double *signed = <double *> PyBytes_AS_STRING(prices)
        if self.sign < 0:
            for at in range(self.count):
                signed[at] = -signed[at]
        return [prices, sizes]

    def restore(self, state):
        levels = sorted(zip(*(array("d", part) for part in state), strict=True), reverse=self.sign < 0)
        self.replace([price for price, _ in levels], [size for _, size in levels])
