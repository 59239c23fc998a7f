# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Rows in the form in which PostgreSQL takes them from a binary COPY; psycopg gives the same bytes, cell by cell."""

from libc.math cimport rint
from libc.stdint cimport INT32_MAX, INT32_MIN, int16_t, int32_t, int64_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcmp, memcpy
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE

import msgspec

cdef extern from "Python.h":
    const char *PyUnicode_AsUTF8AndSize(object text, Py_ssize_t *size) except NULL

cdef extern from *:
    uint16_t __builtin_bswap16(uint16_t) nogil
    uint32_t __builtin_bswap32(uint32_t) nogil
    uint64_t __builtin_bswap64(uint64_t) nogil

cdef enum:
    BOOL = 16, BYTEA = 17, INT8 = 20, INT4 = 23, TEXT = 25, FLOAT8 = 701, TEXTS = 1009, FLOATS = 1022, UUID = 2950, JSONB = 3802, PACKED = -1

KNOWN = frozenset([BOOL, BYTEA, INT8, INT4, TEXT, FLOAT8, TEXTS, FLOATS, UUID, JSONB])

cdef double EPOCH = 946_684_800.0  # PostgreSQL's times count from the year 2000
cdef object _json = msgspec.json.encode
HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"


cdef class Buffer:
    """Bytes, the highest of a number first; keeps its room."""

    cdef char *data
    cdef Py_ssize_t size, room

    def __dealloc__(self):
        free(self.data)

    cdef Py_ssize_t _array(self, Py_ssize_t count, int32_t kind) except -1:
        """Dimensions, whether there are nulls, type; of the dimension length and first index; the elements follow."""
        cdef Py_ssize_t begin = self.size
        self._int4(0)  # the length, known at the end
        self._int4(1 if count else 0)
        self._int4(0)
        self._int4(kind)
        if count:
            self._int4(<int32_t>count)
            self._int4(1)
        return begin

    cdef int _int2(self, int16_t value) except -1:
        cdef uint16_t swapped = __builtin_bswap16(<uint16_t>value)
        return self._raw(<char *>&swapped, 2)

    cdef int _int4(self, int32_t value) except -1:
        cdef uint32_t swapped = __builtin_bswap32(<uint32_t>value)
        return self._raw(<char *>&swapped, 4)

    cdef int _set4(self, Py_ssize_t at, int32_t value) except -1:
        cdef uint32_t swapped = __builtin_bswap32(<uint32_t>value)
        memcpy(self.data + at, &swapped, 4)
        return 0

    cdef int _int8(self, int64_t value) except -1:
        cdef uint64_t swapped = __builtin_bswap64(<uint64_t>value)
        return self._raw(<char *>&swapped, 8)

    cdef int _float8(self, double value) except -1:
        cdef uint64_t bits
        memcpy(&bits, &value, 8)
        return self._int8(<int64_t>bits)

    cdef int _raw(self, const char *data, Py_ssize_t size) except -1:
        if self.size + size > self.room:
            self._reserve(size)
        memcpy(self.data + self.size, data, size)
        self.size += size
        return 0

    cdef int _reserve(self, Py_ssize_t size) except -1:
        cdef char *grown
        if self.size + size > self.room:
            grown = <char *>realloc(self.data, 2 * (self.size + size) + 65_536)
            if grown == NULL:
                raise MemoryError
            self.data, self.room = grown, 2 * (self.size + size) + 65_536
        return 0


cdef class Encoder(Buffer):
    """Rows of a table.

    types: the types' identifiers, `KNOWN` ones.
    time_at: the place of nanoseconds that a row's last column repeats as a ``timestamptz``; -1: it has no such column.
    """

    cdef list types
    cdef Py_ssize_t time_at

    def __cinit__(self, types, Py_ssize_t time_at):
        self.types, self.time_at = list(types), time_at

    def encode(self, list rows):
        """Without header and trailer; a row that a `Reader` made is taken as it is.

        Raises:
            OverflowError, UnicodeError: a number or a text that no column can hold.
        """
        cdef Py_ssize_t at, count = len(self.types)
        cdef list kinds = self.types
        self.size = 0
        for row in rows:
            if type(row) is bytes:
                self._raw(PyBytes_AS_STRING(row), PyBytes_GET_SIZE(row))
                continue
            if len(row) != count:
                raise ValueError(f"a row of {len(row)} values for {count} columns")
            self._int2(<int16_t>(count + (self.time_at >= 0)))
            for at in range(count):
                value = row[at]
                if value is None:
                    self._int4(-1)
                else:
                    self._cell(<int>kinds[at], value)
            if self.time_at >= 0:
                self._int4(8)
                self._int8(_time(row[self.time_at]))
        return PyBytes_FromStringAndSize(self.data, self.size)

    cdef int _cell(self, int kind, object value) except -1:
        cdef int64_t number
        if kind == TEXT:
            self._text(value)
        elif kind == FLOAT8:
            self._int4(8)
            self._float8(value)
        elif kind == INT8:
            self._int4(8)
            self._int8(_whole(value))
        elif kind == FLOATS:
            self._floats(value)
        elif kind == UUID:
            self._bytes(value.int.to_bytes(16, "big"))
        elif kind == JSONB:
            encoded = _json(value)
            self._int4(<int32_t>(PyBytes_GET_SIZE(encoded) + 1))
            self._raw("\x01", 1)
            self._raw(PyBytes_AS_STRING(encoded), PyBytes_GET_SIZE(encoded))
        elif kind == BOOL:
            self._int4(1)
            self._raw("\x01" if value else "\x00", 1)
        elif kind == INT4:
            number = _whole(value)
            if not INT32_MIN <= number <= INT32_MAX:
                raise OverflowError("int too big to convert")
            self._int4(4)
            self._int4(<int32_t>number)
        elif kind == TEXTS:
            self._texts(value)
        else:
            self._bytes(value)
        return 0

    cdef int _floats(self, object values) except -1:
        cdef Py_ssize_t begin = self._array(len(values), FLOAT8)
        cdef bint nulls = False
        for value in values:
            if value is None:
                nulls = True
                self._int4(-1)
            else:
                self._int4(8)
                self._float8(value)
        self._set4(begin, <int32_t>(self.size - begin - 4))
        self._set4(begin + 8, nulls)
        return 0

    cdef int _texts(self, object values) except -1:
        cdef Py_ssize_t begin = self._array(len(values), TEXT)
        for value in values:
            self._text(value)
        self._set4(begin, <int32_t>(self.size - begin - 4))
        return 0

    cdef int _text(self, object value) except -1:
        cdef Py_ssize_t size
        cdef const char *text = PyUnicode_AsUTF8AndSize(value, &size)
        self._int4(<int32_t>size)
        return self._raw(text, size)

    cdef int _bytes(self, bytes value) except -1:
        self._int4(<int32_t>PyBytes_GET_SIZE(value))
        return self._raw(PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value))


cdef int64_t _whole(object value) except? -1:
    try:
        return value
    except OverflowError:
        raise OverflowError("int too big to convert") from None


cdef int64_t _time(object value) except? -1:
    """What ``ns_to_time`` of the migrations makes of it, to the last bit."""
    cdef int64_t ns = _whole(value)
    return <int64_t>rint((<double>(ns // 1_000) / 1e6 - EPOCH) * 1e6)  # C's division, which rounds towards zero


include "numbers.pxi"
include "reading.pxi"
