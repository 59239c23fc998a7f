"""Reading the JSON that `schemas.codec.encode` writes; NULL: this is something else."""

cdef int64_t FIRST_TS = 1230768000000000000
cdef int64_t LAST_TS = 4102444800000000000


cdef inline const char *literal(const char *at, const char *wanted, size_t length) noexcept nogil:
    return at + length if memcmp(at, wanted, length) == 0 else NULL


cdef inline const char *amount(const char *at, double least, double below, double *value) noexcept nogil:
    """A number from ``least`` on, which is not negative, and below ``below``."""
    if at[0] == b"-":
        return NULL
    at = real(at, value)
    return at if at != NULL and least <= value[0] < below else NULL


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
            at = amount(at, least, below, &value)
            if at == NULL:
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
