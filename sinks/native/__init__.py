"""Where rows are put into PostgreSQL's form by compiled code: the same bytes as psycopg's, in less time."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from schemas.compiled import current

if current(Path(__file__).with_name("_rows.pyx")):
    from sinks.native import _rows
else:  # no C compiler was there at the set-up, or the sources are newer than it
    _rows = None  # type: ignore[assignment]  # as nothing is asked of it without `BUILT`

__all__ = ["BUILT", "Encoder", "encoder"]

_AT_ONCE: Final = 500
"""Rows: the server works on some while the next ones are made ready."""

BUILT: Final = _rows is not None
"""Whether `deploy.native` has built it here; else psycopg does it."""


class Encoder:
    """Of a table: its rows as the pieces of a binary COPY."""

    def __init__(self, types: Sequence[int], time_at: int) -> None:
        self._rows = _rows.Encoder(types, time_at)

    def pieces(self, rows: list[tuple[Any, ...]]) -> Iterator[bytes]:
        """All of the COPY.

        Raises:
            OverflowError: a number that does not fit its column.
            UnicodeError: a text that is no Unicode.
        """
        yield _rows.HEADER
        for first in range(0, len(rows), _AT_ONCE):
            yield self._rows.encode(rows[first : first + _AT_ONCE])
        yield _rows.TRAILER


def encoder(types: Sequence[int], time_at: int = -1) -> Encoder | None:
    """For columns of ``types``, and perhaps one more that is the time of the nanoseconds at ``time_at``.

    ``None``: nothing is built here, or it does not know one of the types.
    """
    return Encoder(types, time_at) if BUILT and _rows.KNOWN.issuperset(types) else None
