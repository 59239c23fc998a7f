"""The meters that every change of a book is told."""

cdef enum:
    LEVELS = 5  # of `operators.flow.levels`
    TAKEN = 3  # of `operators.flow.resilience`


cdef struct Side:
    int sign
    double prices[LEVELS]
    double sizes[LEVELS]
    double begun[LEVELS]
    double sums[LEVELS]


cdef int load_side(Side *side, object known) except -1:
    cdef Py_ssize_t at
    cdef list prices = known._prices, sizes = known._sizes, begun = known._begun, sums = known._sums
    side.sign = known._sign
    for at in range(LEVELS):
        side.sums[at] = sums[at]
    if PyList_GET_SIZE(prices) == LEVELS:
        for at in range(LEVELS):
            side.prices[at], side.sizes[at], side.begun[at] = prices[at], sizes[at], begun[at]
    return 0


cdef object listed(double *values):
    return [values[0], values[1], values[2], values[3], values[4]]


cdef int store_side(Side *side, object known) except -1:
    known._prices, known._sizes = listed(side.prices), listed(side.sizes)
    known._begun, known._sums = listed(side.begun), listed(side.sums)
    return 0


cdef void begin_side(Side *side, Ladder ladder) noexcept:
    cdef Py_ssize_t at
    for at in range(LEVELS):
        side.prices[at], side.sizes[at] = ladder.price(at), ladder.size(at)
        side.begun[at] = side.sizes[at]


cdef bint update_side(Side *side, Ladder ladder) noexcept:
    cdef Py_ssize_t at
    cdef bint moved = False
    cdef double price, size, change, ahead
    for at in range(LEVELS):
        if side.prices[at] != ladder.price(at):
            moved = True
            break
    for at in range(LEVELS):
        price, size = ladder.price(at), ladder.size(at)
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
