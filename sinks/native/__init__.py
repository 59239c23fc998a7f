"""Where rows are put into PostgreSQL's form by compiled code: the same bytes as psycopg's, in less time."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from schemas.compiled import current

if current(Path(__file__).with_name("_rows.pyx")):
    from sinks.native import _rows
else:  # no C compiler was there at the set-up, or the sources are newer than it
    _rows = None  # type: ignore[assignment]  # as nothing is asked of it without `BUILT`

__all__ = ["BUILT", "PACKED", "Encoder", "Field", "Reader", "encoder", "reader"]

_AT_ONCE: Final = 500
"""Rows: the server works on some while the next ones are made ready."""

BUILT: Final = _rows is not None
"""Whether `deploy.native` has built it here; else psycopg does it."""

PACKED: Final = -1
"""In the place of a type: numbers under names; the columns of their layout, of them, and of an empty object."""


class Encoder:
    """Of a table: its rows as the pieces of a binary COPY."""

    def __init__(self, types: Sequence[int], time_at: int) -> None:
        self._rows = _rows.Encoder(types, time_at)

    def pieces(self, rows: Sequence[tuple[Any, ...] | bytes]) -> Iterator[bytes]:
        """All of the COPY; rows that a `Reader` has made are in its form already.

        Raises:
            OverflowError: a number that does not fit its column.
            UnicodeError: a text that is no Unicode.
        """
        yield _rows.HEADER
        for first in range(0, len(rows), _AT_ONCE):
            yield self._rows.encode(rows[first : first + _AT_ONCE])
        yield _rows.TRAILER


class Field(NamedTuple):
    """Of a record."""

    name: str
    kind: int
    """Its column's type, or `PACKED`."""
    nullable: bool = False
    choices: tuple[str, ...] = ()
    """The only values it may have."""


class Reader:
    """Of a table: rows in the form of a binary COPY, straight from the JSON that `schemas.codec.encode` writes.

    Parameters:
        tag: the record's type, as it stands in its JSON.
        fields: in their order, which is the columns' too.
        timed: the field that a row's last column repeats as a time.
        nulls: columns behind those of the fields that are null in every row.
    """

    def __init__(self, tag: str, fields: Sequence[Field], timed: str | None, nulls: int) -> None:
        encode = msgspec.json.encode
        begin, steps = b'{"type":' + encode(tag), []
        for field in fields:
            choices = [encode(choice) for choice in field.choices] or None
            steps.append((begin + b"," + encode(field.name) + b":", field.kind, field.nullable, choices))
            begin = b""
        time_at = next((at for at, field in enumerate(fields) if field.name == timed), -1)
        self._rows = _rows.Reader(steps, time_at, nulls)

    def learn(self, layout: bytes, names: Sequence[str]) -> None:
        """From now on numbers under these names in this order are known, as ``layout``."""
        self._rows.learn(layout, list(names))

    def read(self, value: bytes) -> bytes | None:
        """The row; ``None``: unusual in some way, or wrong: it has to be decoded by other means."""
        return self._rows.read(value)


def encoder(types: Sequence[int], time_at: int = -1) -> Encoder | None:
    """For columns of ``types``, and perhaps one more that is the time of the nanoseconds at ``time_at``.

    ``None``: nothing is built here, or it does not know one of the types.
    """
    return Encoder(types, time_at) if BUILT and _rows.KNOWN.issuperset(types) else None
