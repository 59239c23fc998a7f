"""The bridge from records to rows, held against the records' own definition and the migrations' text."""

import re
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import DecodeError
from schemas.identifiers import derive
from schemas.message import Message
from schemas.topics import BY_NAME, LOG
from sinks.migrate import read_migrations
from sinks.tables import DEAD_LETTERS, TABLES, dead_letter, decode
from tests.integration.records import messages, results


def test_every_topic_but_the_log_has_a_table() -> None:
    assert set(TABLES) == set(BY_NAME) - {LOG}


@pytest.mark.parametrize("topic", TABLES)
def test_columns_are_the_fields(topic: str) -> None:
    record: Any = BY_NAME[topic].record
    fields = {field for kind in get_args(record) or (record,) for field in kind.__struct_fields__}
    renamed = {"log_offset": "offset"}
    packing = {"layout", "numbers"} if TABLES[topic].packed else set()
    assert {renamed.get(column, column) for column in TABLES[topic].columns} - packing == fields


@pytest.mark.parametrize("topic", TABLES)
def test_columns_are_those_of_the_migrations(topic: str) -> None:
    table = TABLES[topic]
    name = "candidates" if table.name == "signals" else table.name  # made LIKE it
    text = "".join(migration.sql for migration in read_migrations())
    body = re.search(rf"CREATE TABLE {name} \((.*?)\n\);", text, re.DOTALL)
    assert body is not None
    columns = re.findall(r"^    ([a-z_]+) ", body[1], re.MULTILINE)
    columns += re.findall(rf"^ALTER TABLE {table.relation} ADD COLUMN ([a-z_]+) ", text, re.MULTILINE)
    assert sorted(column for column in columns if column not in {"time", "stored_at"}) == sorted(table.columns)


def test_a_row_has_a_value_for_each_column() -> None:
    for message in messages(results(60)):
        assert len(decode(message)) == len(TABLES[message.topic].columns)


def test_a_refused_value_names_its_field() -> None:
    value = f'{{"type":"gap","id":"{derive("x")}","instrument_id":1}}'.encode()
    with pytest.raises(DecodeError, match=r"Expected `str`, got `int` - at `\$\.instrument_id`"):
        decode(Message("quality.gaps", 0, 0, 0, None, value))


def test_an_identifier_must_be_a_uuid() -> None:
    topic, record = next((topic, record) for topic, record in results(60) if topic == "features.books")
    with pytest.raises(DecodeError, match="Invalid UUID"):
        decode(messages([(topic, msgspec.structs.replace(record, id="book 7"))])[0])


@given(st.sampled_from(sorted(TABLES)), st.none() | st.binary())
def test_any_bytes_become_a_row_or_a_decode_error(topic: str, value: bytes | None) -> None:
    with pytest.raises(DecodeError):
        decode(Message(topic, 0, 0, 0, None, value))


@given(st.integers(-(2**63), 2**63 - 1), st.text(st.characters()), st.binary())
def test_a_dead_letter_is_never_refused(ts_ms: int, reason: str, value: bytes) -> None:
    row = dict(zip(DEAD_LETTERS.columns, dead_letter(Message("t", 1, 2, ts_ms, None, value), reason), strict=True))
    assert 0 <= row["ts_received"] < 2**63
    assert "\0" not in row["reason"].encode().decode()
    assert row["value"] == value
