# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The compiled twin of the event path: one side of a book, what most records do to an instrument, and the vector.

Everything here exists in Python too and gives the same bytes there (`operators.native` chooses). What is unusual in
any way is left to Python before anything has changed, so refusals, losses and their words have one source.
"""

from libc.math cimport INFINITY
from libc.stdint cimport INT64_MAX, INT64_MIN, int64_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcmp, memmove
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.exc cimport PyErr_Clear, PyErr_Occurred
from cpython.list cimport PyList_Append, PyList_GET_SIZE
from cpython.unicode cimport PyUnicode_DecodeASCII

from array import array

from operators.seen import number_of

cdef extern from "Python.h":
    double PyOS_string_to_double(const char *text, char **end, void *overflow)
    dict _PyDict_NewPresized(Py_ssize_t size)

include "ladder.pxi"
include "reading.pxi"
include "meters.pxi"
include "path.pxi"
include "vector.pxi"
