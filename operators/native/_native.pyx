# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The compiled twin of the event path: one side of a book and how it stands, what most records do to an
instrument, best quotes on their way into its bars, the vector and what most of its measures are made of.

Everything here exists in Python too and gives the same bytes there (`operators.native` chooses). What is unusual in
any way is left to Python before anything has changed, so refusals, losses and their words have one source.
"""

from libc.math cimport INFINITY, NAN, atanh, ceil, exp, fabs, log, pow, sqrt
from libc.stdint cimport INT64_MAX, INT64_MIN, int64_t, uint64_t
from libc.stdlib cimport free, qsort, realloc
from libc.string cimport memcmp, memmove, memset
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.list cimport PyList_Append, PyList_GET_SIZE
from cpython.unicode cimport PyUnicode_DecodeASCII

from array import array
from bisect import bisect_left
from math import fsum

from operators.bars import OpenBar as PlainBar
from operators.feature import of_close, of_range
from operators.flow.impact import ImpactPart
from operators.flow.intensity import TradesPart
from operators.flow.large import _LEAST as LEAST_TRADES, _SHARE as LARGE, LargePart
from operators.flow.levels import LevelsPart
from operators.flow.quantile import _MOST as MOST_BINS
from operators.flow.spread import SpreadPart
from operators.indicators.levels import _AGES as LEVEL_AGES, _NEAR as LEVEL_NEAR
from operators.indicators.zones import AGES as ZONE_AGES, MOST as ZONES_MOST
from operators.indicators.zscore import _LATEST as LATEST, _LEAST as LEAST_VALUES, _NOTHING as ROUNDING
from operators.numbering import RESTART as _RESTART
from operators.reorder import packed, unpacked
from operators.seen import number_of
from schemas.time import DAY as DAY_NS, HOUR as HOUR_NS, SECOND as SECOND_NS

cdef extern from "Python.h":
    dict _PyDict_NewPresized(Py_ssize_t size)

include "ladder.pxi"
include "numbers.pxi"
include "reading.pxi"
include "meters.pxi"
include "queue.pxi"
include "bars.pxi"
include "shape.pxi"
include "path.pxi"
include "measures.pxi"
include "flow.pxi"
include "structures.pxi"
include "returns.pxi"
include "vector.pxi"
