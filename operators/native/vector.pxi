"""A vector of features."""


def asked(list measures, object close, tuple names, tuple blank):
    """The twin of `operators.features.asked`."""
    cdef dict told = _PyDict_NewPresized(len(names))
    cdef Py_ssize_t at = 0, count = len(names)
    cdef tuple measure
    cdef object found, value, step, bar = close.bar, price = bar.close
    for measure in measures:
        step = measure[0]
        if step is of_close:
            found = measure[1].update(price)
        elif step is of_range:
            found = measure[1].update(bar.high, bar.low, price)
        else:
            found = step(measure[1], close)
        if isinstance(found, tuple):
            for value in <tuple>found:
                if at < count:
                    told[names[at]] = value
                at += 1
        else:
            if at < count:
                told[names[at]] = found
            at += 1
    if at != count:
        raise ValueError(f"{count} features, of which measures tell {at}")
    for value in blank:
        told[value] = None
    return told
