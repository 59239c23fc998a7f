"""Lists of numbers as psycopg itself writes them."""

from hypothesis import given
from hypothesis import strategies as st
from psycopg.adapt import PyFormat, Transformer

from sinks.arrays import FloatsDumper


@given(st.lists(st.floats(), max_size=40))
def test_the_bytes_are_psycopgs_own(values: list[float]) -> None:
    theirs = Transformer().get_dumper([0.5], PyFormat.BINARY)
    assert FloatsDumper(list).dump(values) == bytes(theirs.dump(values) or b"")
    assert FloatsDumper.oid == theirs.oid


@given(st.lists(st.none() | st.floats(), max_size=40))
def test_nulls_are_psycopgs_own(before: list[float | None]) -> None:
    values = [*before, 0.5]
    theirs = Transformer().get_dumper([0.5], PyFormat.BINARY)
    assert FloatsDumper(list).dump(values) == bytes(theirs.dump(values) or b"")


def test_nothing_but_nulls() -> None:
    assert FloatsDumper(list).dump([None]) == bytes.fromhex("00000001 00000001 000002bd 00000001 00000001 ffffffff")
