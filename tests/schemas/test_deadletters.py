"""There is a dead letter of any message, and it is small enough to be written."""

import re
from base64 import b64decode
from hashlib import sha256

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from schemas.deadletters import LARGEST_PART, dead_letter
from schemas.results import DeadLetter
from schemas.topics import Outgoing

PLACES = st.tuples(st.text(st.characters()), st.integers(0, 2**31 - 1), st.integers(0, 2**63 - 1))
PARTS = st.none() | st.binary()


def read(letter: Outgoing) -> DeadLetter:
    return msgspec.json.decode(letter.value, type=DeadLetter)


@given(PLACES, st.integers(-(2**63), 2**63 - 1), PARTS, PARTS, st.text(st.characters()))
def test_any_message_has_one(
    place: tuple[str, int, int], ts_ms: int, key: bytes | None, value: bytes | None, reason: str
) -> None:
    letter = dead_letter(*place, ts_ms, key, value, reason)
    found = read(letter)
    assert [part if part is None else b64decode(part) for part in (found.key, found.value)] == [key, value]
    assert (found.partition, found.offset, found.truncated) == (*place[1:], None)
    assert 0 <= found.ts_received < 2**63
    assert letter.ts_ms * 1_000_000 == found.ts_received
    assert letter.key.encode() == f"{found.topic}[{found.partition}]".encode()


def test_of_a_long_part_the_beginning_is_kept_and_the_whole_is_told() -> None:
    whole = b"x" * LARGEST_PART
    assert read(dead_letter("t", 0, 0, 0, whole, whole, "")).truncated is None
    letter = dead_letter("t", 0, 0, 0, b"k", longer := whole + b"y", "r" * 1_000_000)
    found = read(letter)
    assert b64decode(found.value or "") == whole
    assert found.truncated == (
        f"value: the first {LARGEST_PART} of {LARGEST_PART + 1} bytes, SHA-256 of all {sha256(longer).hexdigest()}"
    )
    both = dead_letter("t", 0, 0, 0, longer, longer, "r" * 1_000_000)
    assert re.fullmatch("key: .*; value: .*", read(both).truncated or "")
    assert len(both.value) < 3 << 20


@given(st.lists(st.tuples(PLACES, PARTS, PARTS), unique=True))
def test_another_place_or_other_bytes_are_another_letter(
    messages: list[tuple[tuple[str, int, int], bytes | None, bytes | None]],
) -> None:
    clean = [(place, key, value) for place, key, value in messages if place[0].isalnum()]
    letters = {dead_letter(*place, 0, key, value, "").id for place, key, value in clean}
    assert len(letters) == len(clean)


def test_no_time_stamp_is_time_0() -> None:
    for ts_ms in (-1, 2**62):
        assert read(dead_letter("t", 0, 0, ts_ms, None, b"", "")).ts_received == 0
