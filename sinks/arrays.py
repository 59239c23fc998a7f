"""Lists of numbers in the form in which PostgreSQL takes them from a COPY."""

from collections.abc import Sequence
from functools import lru_cache
from struct import Struct
from typing import Final

from psycopg.adapt import Dumper
from psycopg.pq import Format

__all__ = ["FloatsDumper"]

_FLOAT8, _FLOAT8_ARRAY = 701, 1022
_WIDTH: Final = 8  # bytes
_FIRST: Final = 6
"""Where the first value stands among an array's fields."""


class FloatsDumper(Dumper):
    """A list of floats as ``double precision[]``, at once; psycopg's own asks for each value how to write it.

    Format: `array_send` and `float8send` of PostgreSQL: dimensions, whether there are nulls, type of the elements;
    of the dimension length and first index; then every element behind its length.
    """

    format = Format.BINARY
    oid = _FLOAT8_ARRAY

    def dump(self, obj: Sequence[float]) -> bytes:
        """The bytes of ``obj``."""
        layout, template = _layout(len(obj))
        fields = template[:]
        fields[_FIRST::2] = obj
        return layout.pack(*fields)


@lru_cache(maxsize=256)
def _layout(count: int) -> tuple[Struct, list[float]]:
    """Of an array of so many elements: its layout, and its fields with zeros for the values."""
    if not count:
        return Struct(">3i"), [0, 0, _FLOAT8]
    return Struct(">5i" + "id" * count), [1, 0, _FLOAT8, count, 1, *[_WIDTH, 0.0] * count]
