"""Lists of numbers in the form in which PostgreSQL takes them from a COPY."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import compress, repeat
from operator import is_not, itemgetter
from struct import Struct
from typing import Any, Final

from psycopg.adapt import Dumper
from psycopg.pq import Format

__all__ = ["FloatsDumper"]

_FLOAT8, _FLOAT8_ARRAY = 701, 1022
_WIDTH: Final = 8  # bytes
_NULL: Final = -1
_FIRST: Final = 6
"""Where the first value stands among an array's fields."""


class FloatsDumper(Dumper):
    """A list of floats and nulls as ``double precision[]``, at once; psycopg's own asks for each how to write it.

    Format: `array_send` and `float8send` of PostgreSQL: dimensions, whether there are nulls, type of the elements;
    of the dimension length and first index; then every element behind its length, which for a null is -1.
    """

    format = Format.BINARY
    oid = _FLOAT8_ARRAY

    def dump(self, obj: Sequence[float | None]) -> bytes:
        """The bytes of ``obj``."""
        if None in obj:
            known = bytes(map(is_not, obj, repeat(None)))
            sparse, placed = _sparse(known)
            return sparse.pack(*placed((1, _FLOAT8, len(obj), _WIDTH, _NULL, *compress(obj, known))))
        layout, template = _layout(len(obj))
        fields = template[:]
        fields[_FIRST::2] = obj
        return layout.pack(*fields)


@lru_cache(maxsize=256)
def _layout(count: int) -> tuple[Struct, list[Any]]:
    """Of an array of so many elements: its layout, and its fields with zeros for the values."""
    if not count:
        return Struct(">3i"), [0, 0, _FLOAT8]
    return Struct(">5i" + "id" * count), [1, 0, _FLOAT8, count, 1, *[_WIDTH, 0.0] * count]


@lru_cache(maxsize=1_024)
def _sparse(known: bytes) -> tuple[Struct, Callable[[tuple[Any, ...]], tuple[Any, ...]]]:
    """Of an array with nulls: its layout, and what puts its constants and the known values into their places."""
    one, kind, count, width, null, value = range(6)
    order = [one, one, kind, count, one]
    for is_known in known:
        order += [width, value] if is_known else [null]
        value += is_known
    return Struct(">5i" + "".join("id" if is_known else "i" for is_known in known)), itemgetter(*order)
