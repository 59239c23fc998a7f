"""From the JSON that `schemas.codec.encode` writes to rows, without the objects in between."""

cdef signed char[256] NIBBLES
cdef int _code
for _code in range(256):
    NIBBLES[_code] = int(chr(_code), 16) if chr(_code) in "0123456789abcdefABCDEF" else -1

cdef struct Step:
    const char *key
    Py_ssize_t size
    int kind
    bint nullable
    bint timed


cdef class Reader(Buffer):
    """Rows of records of one kind.

    steps: of each field in their order: what stands before it, its type, whether it may be null, and the values that
    it may have in JSON (any, if there are none).
    timed: the field's place that a row's last column repeats as a ``timestamptz``; -1: it has no such column.
    nulls: columns behind the fields that are null.
    """

    cdef list held, choices
    cdef Step *steps
    cdef Py_ssize_t count, cells, nulls, timed
    cdef bytes layout
    cdef list names

    def __cinit__(self, list steps, Py_ssize_t timed, Py_ssize_t nulls):
        cdef Py_ssize_t at
        self.held, self.choices = steps, [choices for _, _, _, choices in steps]
        self.count, self.nulls, self.timed = len(steps), nulls, timed
        self.steps = <Step *>calloc(self.count, sizeof(Step))
        if self.steps == NULL:
            raise MemoryError
        for at in range(self.count):
            key = steps[at][0]
            self.steps[at] = Step(PyBytes_AS_STRING(key), PyBytes_GET_SIZE(key), steps[at][1], steps[at][2], at == timed)
        packed = sum(kind == PACKED for _, kind, _, _ in steps)
        self.cells = self.count + 2 * packed + nulls + (timed >= 0)

    def __dealloc__(self):
        free(self.steps)

    def learn(self, bytes layout, list names):
        """From now on ``features`` with just these ``names`` are known, by the identifier ``layout``."""
        self.layout = layout
        self.names = [(b"," if at else b"{") + _json(name) + b":" for at, name in enumerate(names)]

    def read(self, bytes value):
        """A row; ``None``: it has to be decoded by other means, and may be wrong."""
        cdef const char *at = PyBytes_AS_STRING(value)
        cdef const char *end = at + PyBytes_GET_SIZE(value)
        cdef Step *step
        cdef Py_ssize_t number
        cdef int64_t ns = 0
        self.size = 0
        # A number of two characters, its comma included, becomes a cell of twelve bytes; nothing grows more.
        self._reserve(8 * PyBytes_GET_SIZE(value) + 16 * self.cells + 64)
        self._int2(<int16_t>self.cells)
        for number in range(self.count):
            step = self.steps + number
            if end - at < step.size or memcmp(at, step.key, step.size) != 0:
                return None
            at += step.size
            if step.timed and whole(at, &ns) == NULL:
                return None
            if step.nullable and at[0] == b"n":
                at = self._null(at, end)
            elif self.choices[number] is not None:
                at = self._one_of(at, end, self.choices[number])
            else:
                at = self._value(at, end, step.kind)
            if at == NULL:
                return None
        if end - at != 1 or at[0] != b"}":
            return None
        for number in range(self.nulls):
            self._int4(-1)
        if self.timed >= 0:
            self._int4(8)
            self._int8(_time(ns))
        return PyBytes_FromStringAndSize(self.data, self.size)

    cdef const char *_value(self, const char *at, const char *end, int kind) except? NULL:
        cdef int64_t number
        cdef double value = 0.0
        if kind == FLOAT8:
            at = real(at, &value)
            self._number(value)
        elif kind == INT8 or kind == INT4:
            at = whole(at, &number)
            if at == NULL or (kind == INT4 and number > INT32_MAX):
                return NULL
            self._int4(8 if kind == INT8 else 4)
            if kind == INT8:
                self._int8(number)
            else:
                self._int4(<int32_t>number)
        elif kind == TEXT:
            at = self._quoted(at)
        elif kind == UUID:
            at = self._uuid(at, end)
        elif kind == FLOATS:
            at = self._numbers(at)
        elif kind == TEXTS:
            at = self._words(at)
        elif kind == BOOL:
            self._int4(1)
            if at[0] == b"t":
                self._raw("\x01", 1)
                at = literal(at, end, "true", 4)
            else:
                self._raw("\x00", 1)
                at = literal(at, end, "false", 5)
        elif kind == JSONB:
            at = self._object(at)
        else:
            at = self._features(at, end)
        return at

    cdef inline void _number(self, double value) noexcept:
        """A cell, for which there is room (see `read`)."""
        cdef uint32_t size = __builtin_bswap32(8)
        cdef uint64_t bits
        memcpy(&bits, &value, 8)
        bits = __builtin_bswap64(bits)
        memcpy(self.data + self.size, &size, 4)
        memcpy(self.data + self.size + 4, &bits, 8)
        self.size += 12

    cdef const char *_null(self, const char *at, const char *end) except? NULL:
        self._int4(-1)
        return literal(at, end, "null", 4)

    cdef const char *_one_of(self, const char *at, const char *end, list choices) except? NULL:
        cdef Py_ssize_t size
        for choice in choices:
            size = PyBytes_GET_SIZE(choice)
            if literal(at, end, PyBytes_AS_STRING(choice), size) != NULL:
                self._int4(<int32_t>size - 2)
                self._raw(at + 1, size - 2)
                return at + size
        return NULL

    cdef const char *_quoted(self, const char *at) except? NULL:
        cdef const char *close = closing(at)
        if close == NULL:
            return NULL
        self._int4(<int32_t>(close - at - 1))
        self._raw(at + 1, close - at - 1)
        return close + 1

    cdef const char *_uuid(self, const char *at, const char *end) except? NULL:
        cdef char[16] found
        cdef int number, high, low
        if end - at < 38 or at[0] != b'"' or at[37] != b'"':
            return NULL
        at += 1
        for number in range(16):
            if number in (4, 6, 8, 10):
                if at[0] != b"-":
                    return NULL
                at += 1
            high, low = NIBBLES[<unsigned char>at[0]], NIBBLES[<unsigned char>at[1]]
            if high < 0 or low < 0:
                return NULL
            found[number] = <char>(16 * high + low)
            at += 2
        self._int4(16)
        self._raw(found, 16)
        return at + 1

    cdef const char *_numbers(self, const char *at) except? NULL:
        cdef Py_ssize_t begin = self._array(1, FLOAT8)
        cdef int32_t count = 0
        cdef double value
        if at[0] != b"[":
            return NULL
        if at[1] == b"]":
            self.size = begin
            self._array(0, FLOAT8)
            self._set4(begin, 12)
            return at + 2
        while at[0] == (c"," if count else c"["):
            at = real(at + 1, &value)
            if at == NULL:
                return NULL
            self._number(value)
            count += 1
        self._close(begin, count)
        return at + 1 if at[0] == b"]" else NULL

    cdef const char *_words(self, const char *at) except? NULL:
        cdef Py_ssize_t begin = self._array(1, TEXT)
        cdef int32_t count = 0
        if at[0] != b"[":
            return NULL
        if at[1] == b"]":
            self.size = begin
            self._array(0, TEXT)
            self._set4(begin, 12)
            return at + 2
        while at[0] == (c"," if count else c"["):
            at = self._quoted(at + 1)
            if at == NULL:
                return NULL
            count += 1
        self._close(begin, count)
        return at + 1 if at[0] == b"]" else NULL

    cdef int _close(self, Py_ssize_t begin, int32_t count) except -1:
        self._set4(begin, <int32_t>(self.size - begin - 4))
        return self._set4(begin + 16, count)

    cdef const char *_object(self, const char *at) except? NULL:
        """Texts under names, as they are: the server reads them."""
        cdef const char *begin = at
        cdef bint first = True
        if at[0] == b"{" and at[1] == b"}":
            at += 2
        else:
            while at[0] == (c"{" if first else c","):
                at = closing(at + 1)
                if at == NULL or at[1] != b":":
                    return NULL
                at = closing(at + 2)
                if at == NULL:
                    return NULL
                at += 1
                first = False
            if first or at[0] != b"}":
                return NULL
            at += 1
        self._int4(<int32_t>(at - begin + 1))
        self._raw("\x01", 1)
        self._raw(begin, at - begin)
        return at

    cdef const char *_features(self, const char *at, const char *end) except? NULL:
        """Layout, numbers, and an empty object where there were names beside them once."""
        cdef Py_ssize_t begin
        cdef double value = 0.0
        cdef bint nulls = False
        if not self.names:
            return NULL
        self._int4(16)
        self._raw(PyBytes_AS_STRING(self.layout), 16)
        begin = self._array(len(self.names), FLOAT8)
        for name in self.names:
            at = literal(at, end, PyBytes_AS_STRING(name), PyBytes_GET_SIZE(name))
            if at == NULL:
                return NULL
            if at[0] == b"n":
                nulls = True
                at = self._null(at, end)
            else:
                at = real(at, &value)
                self._number(value)
            if at == NULL:
                return NULL
        self._set4(begin, <int32_t>(self.size - begin - 4))
        self._set4(begin + 8, nulls)
        self._int4(3)
        self._raw("\x01{}", 3)
        return at + 1 if at[0] == b"}" else NULL


cdef inline const char *literal(const char *at, const char *end, const char *wanted, Py_ssize_t size) noexcept nogil:
    return at + size if end - at >= size and memcmp(at, wanted, size) == 0 else NULL


cdef inline const char *closing(const char *at) noexcept nogil:
    """Where the text that begins with a quote ends with one; NULL: it has more than plain ASCII in it."""
    if at[0] != b'"':
        return NULL
    at += 1
    while at[0] != b'"':
        if not 32 <= at[0] < 127 or at[0] == b"\\":
            return NULL
        at += 1
    return at
