"""The compiled form of rows is psycopg's own, byte for byte."""

from types import SimpleNamespace
from typing import Any, Final, cast

import msgspec
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.abc import AdaptContext
from psycopg.adapt import AdaptersMap, PyFormat, Transformer
from psycopg.pq import Format
from psycopg.types.json import set_json_dumps

from sinks.arrays import FloatsDumper
from sinks.loading import stored_time
from sinks.native import BUILT, encoder

pytestmark = pytest.mark.skipif(not BUILT, reason="nothing is compiled on this machine")

_INT8: Final = 20
_TEXT: Final = st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
_WHOLE: Final = st.integers(-(2**63), 2**63 - 1)
_CELLS: Final = {
    16: st.booleans(), 17: st.binary(max_size=9), _INT8: _WHOLE, 23: st.integers(-(2**31), 2**31 - 1), 25: _TEXT,
    701: st.floats(), 1009: st.lists(_TEXT, max_size=3), 1022: st.lists(st.none() | st.floats(), max_size=9),
    2950: st.uuids(), 3802: st.dictionaries(_TEXT, st.none() | _TEXT | st.lists(_WHOLE, max_size=2), max_size=3),
}  # fmt: skip
_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)


def _of_psycopg(types: list[int], rows: list[tuple[Any, ...]]) -> bytes:
    context = cast("AdaptContext", SimpleNamespace(adapters=AdaptersMap(psycopg.adapters), connection=None))
    context.adapters.register_dumper(None, FloatsDumper)
    set_json_dumps(msgspec.json.encode, context)
    transformer = Transformer(context)
    transformer.set_dumper_types(types, Format.BINARY)
    found = bytearray(_HEADER)
    for row in rows:
        found += len(row).to_bytes(2)
        for cell in transformer.dump_sequence(row, [PyFormat.BINARY] * len(row)):
            found += (-1).to_bytes(4, signed=True) if cell is None else len(cell).to_bytes(4) + bytes(cell)
    return bytes(found) + b"\xff\xff"


@given(st.lists(st.tuples(*(st.none() | cells for cells in _CELLS.values())), max_size=5))
def test_the_bytes_are_psycopgs_own(rows: list[tuple[Any, ...]]) -> None:
    types = list(_CELLS)
    made = encoder(types)
    assert made is not None
    assert b"".join(made.pieces(rows)) == _of_psycopg(types, rows)


@given(st.lists(_WHOLE, max_size=1_200))
def test_a_time_is_what_it_is_without(times: list[int]) -> None:
    made = encoder([_INT8], 0)
    assert made is not None
    expected = _of_psycopg([_INT8, _INT8], [(ns, stored_time(ns)) for ns in times])
    assert b"".join(made.pieces([(ns,) for ns in times])) == expected


@pytest.mark.parametrize(
    ("kind", "value", "error"),
    [(_INT8, 2**63, OverflowError), (23, 2**31, OverflowError), (25, "\ud800", UnicodeError)],
)
def test_what_no_column_holds_is_refused(kind: int, value: object, error: type[Exception]) -> None:
    made = encoder([kind])
    assert made is not None
    with pytest.raises(error):
        list(made.pieces([(value,)]))


def test_a_type_that_is_not_known_is_left_to_psycopg() -> None:
    assert encoder([_INT8, 1700]) is None
