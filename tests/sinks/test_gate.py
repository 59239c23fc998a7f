"""What an engine that makes a lost state anew writes, and what it leaves out."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import encode
from schemas.time import HOUR, MILLISECOND
from schemas.topics import Outgoing
from sinks.gate import Gate, Past

BARS, VECTORS = "features.bars", "features.vectors"
HOUR_MS = HOUR // MILLISECOND
NOW_MS = 1_723_161_300_000


def bar(number: int, ts_ms: int, *, key: str = "a", topic: str = BARS, value: bytes = b"v") -> Outgoing:
    return Outgoing(topic, key, f"id{number}", value, ts_ms)


def signal(number: int, close: int, topic: str = "signals.candidates", ts_ms: int = NOW_MS) -> Outgoing:
    return Outgoing(topic, "a", f"id{number}", encode({"ts_event": close}), ts_ms)


def gate(past: Past, there: list[Outgoing], *, trimmed: tuple[str, ...] = (), desk: bool = False) -> Gate:
    made = Gate(past, {}, trimmed, desk=desk)
    for record in there:
        made.found(record.topic, record.key, record.id, record.value, record.ts_ms)
    return made


def written(made: Gate, *records: Outgoing) -> list[str]:
    return [record.id for record in records if not made.holds((record.topic, 0), record)]


@given(st.integers(0, 40), st.integers(0, 40))
def test_of_a_whole_log_what_is_missing_is_written(written_to: int, deleted: int) -> None:
    """Whatever a crash left out and retention took: nothing twice, and nothing missing that was not deleted."""
    everything = [bar(number, NOW_MS + number) for number in range(40)]
    there = everything[min(deleted, written_to) : written_to]
    trimmed = (BARS,) if deleted else ()
    fresh = written(gate(Past(whole=True), there, trimmed=trimmed), *everything)
    begun = written_to if there or not trimmed else 0
    assert fresh == [record.id for record in everything[begun:]]


def test_content_is_not_compared() -> None:
    made = gate(Past(whole=False), [bar(1, NOW_MS, value=b"as it was")])
    assert written(made, bar(1, NOW_MS, value=b"as it is")) == []


def test_of_a_shortened_log_what_is_older_than_the_last_result_is_left_out() -> None:
    made = gate(Past(whole=False), [bar(1, NOW_MS - 3 * HOUR_MS), bar(2, NOW_MS)])
    old, slack, new = bar(7, NOW_MS - HOUR_MS - 1), bar(8, NOW_MS - HOUR_MS), bar(9, NOW_MS + 1)
    assert written(made, bar(1, NOW_MS - 3 * HOUR_MS), old, slack, bar(2, NOW_MS), new) == ["id8", "id9"]


def test_each_topic_and_key_has_an_end_of_its_own() -> None:
    made = gate(Past(whole=False), [bar(1, NOW_MS), bar(2, NOW_MS - 5 * HOUR_MS, topic=VECTORS)])
    late = NOW_MS - 3 * HOUR_MS
    assert written(made, bar(3, late), bar(4, late, topic=VECTORS), bar(5, late, key="b")) == ["id4", "id5"]


@pytest.mark.parametrize("whole", [True, False])
def test_what_retention_took_altogether_is_not_written_again(whole: bool) -> None:
    made = gate(Past(whole=whole), [bar(1, NOW_MS)], trimmed=("features.books",))
    books = [bar(n, NOW_MS + at, topic="features.books") for n, at in ((7, -2 * HOUR_MS), (8, 1))]
    assert written(made, *books) == ["id8"]


def test_the_desk_goes_by_close_and_by_what_it_had_decided() -> None:
    """Also of closes at which it had nothing to say, whatever the receivers' clocks were."""
    there = [signal(1, 10), signal(1, 10, "signals.published"), signal(2, 20, ts_ms=NOW_MS + 9 * HOUR_MS)]
    asked: Any = [
        signal(3, 19), signal(2, 20), signal(4, 20), signal(5, 19, "signals.published"), signal(6, 21), signal(7, 31)
    ]  # fmt: skip
    assert written(gate(Past(whole=False), there, desk=True), *asked) == ["id4", "id6", "id7"]
    assert written(gate(Past(whole=False, decided_to=30), there, desk=True), *asked) == ["id7"]
    assert written(gate(Past(whole=False, decided_to=31), there, desk=True), *asked) == []
    assert written(gate(Past(whole=True), there, desk=True), *asked) == ["id3", "id4", "id5", "id6", "id7"]


def test_how_far_the_outputs_are_written_is_told() -> None:
    made = Gate(Past(whole=True), {(BARS, 1): 5, (BARS, 0): 3}, (), desk=False)
    made.written({(BARS, 0): 4})
    assert made.state() == [(BARS, 0, 4), (BARS, 1, 5)]
