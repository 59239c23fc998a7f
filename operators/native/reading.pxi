"""Reading the JSON that `schemas.codec.encode` writes; NULL: this is something else."""

cdef double[23] TENS
cdef int _power
TENS[0] = 1.0
for _power in range(1, 23):
    TENS[_power] = TENS[_power - 1] * 10.0

cdef int64_t FIRST_TS = 1230768000000000000
cdef int64_t LAST_TS = 4102444800000000000


cdef inline bint is_digit(char c) noexcept nogil:
    return 48 <= c <= 57


cdef inline const char *literal(const char *at, const char *wanted, size_t length) noexcept nogil:
    return at + length if memcmp(at, wanted, length) == 0 else NULL


cdef inline const char *whole(const char *at, int64_t *value) noexcept nogil:
    """A number from 0 to 2**63 - 1."""
    cdef uint64_t number = 0
    cdef const char *begin = at
    if at[0] == b"0":
        value[0] = 0
        return NULL if is_digit(at[1]) else at + 1
    while is_digit(at[0]):
        number = 10 * number + <uint64_t> (at[0] - 48)
        at += 1
    if at == begin or at - begin > 19 or number > <uint64_t> INT64_MAX:
        return NULL
    value[0] = <int64_t> number
    return at


cdef inline const char *real(const char *at, double *value) noexcept:
    """A number that is not negative, rounded as Python rounds it.

    Exact where digits and power of ten are exact doubles: W. Clinger, How to Read Floating Point Numbers Accurately,
    1990.
    """
    cdef uint64_t digits = 0
    cdef int power = 0
    cdef const char *begin = at
    cdef char *end
    cdef bint plain = True
    if at[0] == b"0":
        at += 1
        if is_digit(at[0]):
            return NULL
    else:
        if not is_digit(at[0]):
            return NULL
        while is_digit(at[0]):
            digits = 10 * digits + <uint64_t> (at[0] - 48)
            at += 1
    if at[0] == b".":
        at += 1
        if not is_digit(at[0]):
            return NULL
        while is_digit(at[0]):
            digits = 10 * digits + <uint64_t> (at[0] - 48)
            power += 1
            at += 1
    if at[0] == b"e" or at[0] == b"E":
        plain = False
        at += 1
        if at[0] == b"+" or at[0] == b"-":
            at += 1
        if not is_digit(at[0]):
            return NULL
        while is_digit(at[0]):
            at += 1
    if plain and at - begin <= 19 and digits <= (<uint64_t> 1 << 53) and power <= 22:
        value[0] = <double> digits / TENS[power]
        return at
    value[0] = PyOS_string_to_double(begin, &end, NULL)
    if PyErr_Occurred():
        PyErr_Clear()
        return NULL
    return at if end == at else NULL


cdef class _Numbers:
    """A list of numbers from a message; keeps its room."""

    cdef double *values
    cdef Py_ssize_t count, room

    def __dealloc__(self):
        free(self.values)

    cdef const char *read(self, const char *at, double least, double below) except? NULL:
        cdef double value
        cdef double *moved
        self.count = 0
        if at[0] != b"[":
            return NULL
        at += 1
        if at[0] == b"]":
            return at + 1
        while True:
            at = real(at, &value)
            if at == NULL or not least <= value < below:
                return NULL
            if self.count == self.room:
                moved = <double *> realloc(self.values, max(64, 2 * self.room) * sizeof(double))
                if moved == NULL:
                    raise MemoryError
                self.values, self.room = moved, max(64, 2 * self.room)
            self.values[self.count] = value
            self.count += 1
            if at[0] == b"]":
                return at + 1
            if at[0] != b",":
                return NULL
            at += 1
