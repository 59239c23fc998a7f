"""Rows made straight from a record's bytes are those of the record decoded, and nothing else passes that way."""

import re
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.message import Message
from sinks.loading import stored_time
from sinks.native import BUILT, encoder
from sinks.tables import TABLES, Row, Table, decode
from tests.integration.records import messages, results

pytestmark = pytest.mark.skipif(not BUILT, reason="nothing is compiled on this machine")

_TEXT: Final = 25
_PACKING: Final = [topic for topic, table in TABLES.items() if table.packer is not None]
_RECORDS: Final = [message for message in messages(results(60)) if message.topic in _PACKING]
_SOME: Final = list({message.topic: message for message in _RECORDS}.values())
_PIECES: Final = [b"", b"0", b"-", b".", b"e", b'"', b"}", b",", b"null", b" ", b"\\n", b"\xc3\xa9"]


def _told(table: Table, row: Row | bytes) -> bytes:
    """``row`` in the form of a COPY."""
    assert table.packer is not None
    assert table.time is not None
    types = table.packer.types + (_TEXT,) * (len(table.columns) - len(table.packer.types))
    made = encoder(types, table.columns.index(table.time))
    assert made is not None
    return b"".join(made.pieces([row]))


def _decoded(message: Message) -> Row:
    """As `decode`, and then its features are known."""
    table = TABLES[message.topic]
    row = decode(message)
    if table.packed and row[6] is not None:
        assert table.packer is not None
        table.packer.learn(row[6])
    return row


def _pack(message: Message) -> bytes | None:
    packer = TABLES[message.topic].packer
    assert packer is not None
    assert message.value is not None
    return packer.pack(message.value)


def _with(message: Message, old: bytes, new: bytes) -> Message:
    """``message`` with the first that looks like ``old`` replaced."""
    assert message.value is not None
    return message._replace(value=re.sub(old, new.replace(b"\\", b"\\\\"), message.value, count=1))


def _one(topic: str) -> Message:
    return next(message for message in _SOME if message.topic == topic)


def test_what_the_engine_writes_most_is_not_decoded() -> None:
    assert {"features.bars", "features.books", "features.vectors", "features.context"} <= set(_PACKING)
    for message in _RECORDS:
        row = _decoded(message)
        packed = _pack(message)
        if packed is None:
            assert message.value is not None
            assert b'"type":"absence"' in message.value
        else:
            assert _told(TABLES[message.topic], packed) == _told(TABLES[message.topic], row)


@given(
    st.floats(allow_nan=False, allow_infinity=False).map(repr)
    | st.from_regex(r"-?(0|[1-9][0-9]{0,21})(\.[0-9]{1,22})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
)
@example("5e-324")
@example("-0")
@example("-0.0")
@example("9007199254740993")
@example("7.2057594037927933e16")
@example("1.7976931348623157e308")
@example("8.5070591730234615865843651857942052864e37")
def test_numbers_are_rounded_as_python_rounds_them(text: str) -> None:
    message = _with(_one("quality.drift"), rb'"value":[^,]+', b'"value":' + text.encode())
    packed = _pack(message)
    if packed is not None:
        row = list(_decoded(message))
        row[TABLES[message.topic].columns.index("value")] = float(text)
        assert _told(TABLES[message.topic], packed) == _told(TABLES[message.topic], tuple(row))


@given(st.floats(1e-9, 1e9))
def test_usual_numbers_are_not_left_to_python(number: float) -> None:
    assert _pack(_with(_one("quality.drift"), rb'"value":[^,]+', b'"value":' + repr(-number).encode())) is not None


@given(st.data())
def test_damaged_text_is_left_to_the_decoder(data: st.DataObject) -> None:
    message = data.draw(st.sampled_from(_SOME))
    _decoded(message)
    assert message.value is not None
    value = bytearray(message.value)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(value) - 1))
        value[at : at + data.draw(st.integers(0, 3))] = data.draw(st.sampled_from(_PIECES))
    damaged = message._replace(value=bytes(value))
    packed = _pack(damaged)
    if packed is not None:  # then it is as good as before
        assert _told(TABLES[message.topic], packed) == _told(TABLES[message.topic], decode(damaged))


def test_other_features_have_to_be_learnt_first() -> None:
    first = _one("features.vectors")
    other = _with(first, b'"rsi_14"', b'"rsi_15"')
    _decoded(first)
    assert _pack(other) is None
    _decoded(other)
    assert _pack(other) is not None
    assert _pack(first) is None


def test_a_time_is_repeated() -> None:
    message = _one("features.bars")
    packed = _pack(message)
    assert packed is not None
    ts_close = decode(message)[TABLES[message.topic].columns.index("ts_close")]
    assert int.from_bytes(packed[-8:]) == stored_time(ts_close)
