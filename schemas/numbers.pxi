"""Numbers as `schemas.codec.encode` writes them; NULL: this is something else, or not so easily told."""

from libc.stdint cimport INT64_MAX, UINT64_MAX, int64_t, uint64_t
from libc.string cimport memcpy

cdef extern from *:
    int __builtin_clzll(uint64_t) nogil
    ctypedef uint64_t uint128_t "unsigned __int128"

cdef enum:
    LEAST_POWER = -64, GREATEST_POWER = 40

cdef double[23] TENS
cdef uint64_t[2 * (GREATEST_POWER - LEAST_POWER + 1)] FIVES

def _leading(power):
    """The first 128 bits of ``5 ** power``; Lemire's program says when they are rounded up."""
    if power >= 0:
        five = 5 ** power
    else:
        divisor = 5 ** -power
        five = (1 << ((divisor - 1).bit_length() + (127 if power >= -27 else 256))) // divisor + 1
    excess = five.bit_length() - 128
    return five >> excess if excess >= 0 else five << -excess


cdef int _power
for _power in range(23):
    TENS[_power] = 10.0 ** _power
for _power in range(LEAST_POWER, GREATEST_POWER + 1):
    FIVES[2 * (_power - LEAST_POWER)] = _leading(_power) >> 64
    FIVES[2 * (_power - LEAST_POWER) + 1] = _leading(_power) & 0xFFFFFFFFFFFFFFFF


cdef inline bint is_digit(char c) noexcept nogil:
    return 48 <= c <= 57


cdef inline const char *whole(const char *at, int64_t *value) noexcept nogil:
    """A number from 0 to 2**63 - 1."""
    cdef uint64_t number = 0
    cdef const char *begin = at
    if at[0] == b"0":
        value[0] = 0
        return NULL if is_digit(at[1]) else at + 1
    while is_digit(at[0]):
        number = 10 * number + <uint64_t>(at[0] - 48)
        at += 1
    if at == begin or at - begin > 19 or number > <uint64_t>INT64_MAX:
        return NULL
    value[0] = <int64_t>number
    return at


cdef inline const char *real(const char *at, double *value) noexcept nogil:
    """A number, rounded as Python rounds it."""
    cdef uint64_t digits = 0
    cdef int power = 0, exponent = 0, count = 0
    cdef bint negative = at[0] == b"-", below = False, fraction = False
    if negative:
        at += 1
    if at[0] == b"0":
        at += 1
        if is_digit(at[0]):
            return NULL
    else:
        if not is_digit(at[0]):
            return NULL
        while is_digit(at[0]):
            digits = 10 * digits + <uint64_t>(at[0] - 48)
            count += 1
            at += 1
    if at[0] == b".":
        fraction = True
        at += 1
        if not is_digit(at[0]):
            return NULL
        while is_digit(at[0]):
            digits = 10 * digits + <uint64_t>(at[0] - 48)
            count += digits != 0
            power -= 1
            at += 1
    if at[0] == b"e" or at[0] == b"E":
        fraction = True
        at += 1
        below = at[0] == b"-"
        if below or at[0] == b"+":
            at += 1
        if not is_digit(at[0]):
            return NULL
        while is_digit(at[0]) and exponent < 1_000:
            exponent = 10 * exponent + (at[0] - 48)
            at += 1
        power += -exponent if below else exponent
    if count > 19 or (negative and not fraction and digits == 0):
        return NULL
    # Exact where digits and power of ten are exact doubles: W. Clinger, How to Read Floating Point Numbers Accurately,
    # 1990.
    if digits <= (<uint64_t>1 << 53) and -22 <= power <= 22:
        value[0] = <double>digits / TENS[-power] if power < 0 else <double>digits * TENS[power]
    elif digits == 0:
        value[0] = 0.0
    elif not nearest(digits, power, value):
        return NULL
    if negative:
        value[0] = -value[0]
    return at


cdef inline bint nearest(uint64_t digits, int power, double *value) noexcept nogil:
    """The double next to ``digits * 10 ** power``; false where this cannot tell.

    D. Lemire, Number Parsing at a Gigabyte per Second, 2021.
    """
    cdef int shift, upper, binary
    cdef uint64_t high, low, more, mantissa
    cdef uint128_t product
    if not LEAST_POWER <= power <= GREATEST_POWER:
        return False
    shift = __builtin_clzll(digits)
    digits <<= shift
    product = <uint128_t>digits * FIVES[2 * (power - LEAST_POWER)]
    high, low = <uint64_t>(product >> 64), <uint64_t>product
    if high & 0x1FF == 0x1FF:
        more = <uint64_t>((<uint128_t>digits * FIVES[2 * (power - LEAST_POWER) + 1]) >> 64)
        low += more
        high += more > low
        if low == UINT64_MAX and not -27 <= power <= 55:
            return False
    upper = <int>(high >> 63)
    mantissa = high >> (upper + 9)
    binary = ((217_706 * power) >> 16) + 63 + upper - shift + 1_023
    if not 0 < binary < 0x7FE:
        return False
    if low <= 1 and -4 <= power <= 23 and mantissa & 3 == 1 and mantissa << (upper + 9) == high:
        mantissa &= ~<uint64_t>1  # just between two: the even one
    mantissa += mantissa & 1
    mantissa >>= 1
    if mantissa >= <uint64_t>1 << 53:
        mantissa = <uint64_t>1 << 52
        binary += 1
    mantissa = (mantissa & ~(<uint64_t>1 << 52)) | (<uint64_t>binary << 52)
    memcpy(value, &mantissa, 8)
    return True
