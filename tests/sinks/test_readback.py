"""The ledger against a model of an engine that is killed again and again, with and without snapshots in between."""

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka.admin import AdminClient
from hypothesis import given
from hypothesis import strategies as st

from schemas.topics import Outgoing
from sinks.errors import ContradictionError, SinkError
from sinks.readback import Ledger, read_back

OUTPUT = ("features.bars", 3)
Step = tuple[str, int]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(1, 7)),
        st.tuples(st.just("snapshot"), st.just(0)),
        st.tuples(st.just("kill"), st.integers(0, 4)),
    ),
    max_size=60,
)


def record(number: int) -> Outgoing:
    return Outgoing(OUTPUT[0], "k", f"id{number}", b"%d" % number, 0)


def resume(topic: list[Outgoing], start: int) -> Ledger:
    ledger = Ledger({OUTPUT: len(topic)})
    for offset, found in enumerate(topic[start:], start):
        ledger.found(OUTPUT, offset, found.id, found.value)
    return ledger


@given(STEPS)
def test_every_record_is_there_once_whenever_the_engine_is_killed(steps: list[Step]) -> None:
    topic: list[Outgoing] = []
    source, saved = 0, (0, 0)  # the next record of the engine; that and the ledger's state at the last snapshot
    ledger = resume(topic, 0)
    for what, number in [*steps, ("write", 500)]:
        if what == "snapshot":
            saved = (source, ledger.state()[0][2])
        elif what == "kill":
            # The last batch may have reached the topic without being acknowledged.
            topic += [one for one in map(record, range(source, source + number)) if not ledger.holds(OUTPUT, one)]
            source, start = saved
            ledger = resume(topic, start)
        else:
            fresh = [one for one in map(record, range(source, source + number)) if not ledger.holds(OUTPUT, one)]
            topic += fresh
            if fresh:
                ledger.written({OUTPUT: len(topic)})
            source += number
    assert topic == [record(number) for number in range(source)]


def test_points_to_the_first_record_that_may_still_be_repeated() -> None:
    ledger = resume([record(number) for number in range(10)], 4)
    assert ledger.holds(OUTPUT, record(4))
    assert ledger.holds(OUTPUT, record(6))
    assert ledger.state() == [(*OUTPUT, 5)]
    assert ledger.holds(OUTPUT, record(5))
    assert ledger.state() == [(*OUTPUT, 7)]
    assert not ledger.holds(OUTPUT, record(10))


def test_forgets_what_never_comes() -> None:
    ledger = resume([record(number) for number in range(10)], 0)
    for _ in range(99):
        assert ledger.state() == [(*OUTPUT, 0)]
    assert ledger.holds(OUTPUT, record(1))
    for _ in range(100):
        assert ledger.state() == [(*OUTPUT, 0)]
    assert ledger.state() == [(*OUTPUT, 10)]
    assert not ledger.holds(OUTPUT, record(2))


def test_other_content_under_an_identifier_stops_the_engine() -> None:
    ledger = resume([record(number) for number in range(10)], 4)
    with pytest.raises(ContradictionError, match=r"features.bars\[3\]@7: identifier id7 has other content"):
        ledger.holds(OUTPUT, Outgoing(OUTPUT[0], "k", "id7", b"other", 0))


class StubAdmin:
    """Answers ``offsets``, then 7 for ever: nothing is left of what was before."""

    def __init__(self, offsets: list[int]) -> None:
        self.offsets = offsets

    def list_offsets(self, asked: dict[Any, Any], **_: Any) -> dict[Any, "Future[SimpleNamespace]"]:
        answer: Future[SimpleNamespace] = Future()
        answer.set_result(SimpleNamespace(offset=self.offsets.pop(0) if self.offsets else 7))
        return dict.fromkeys(asked, answer)

    def list_topics(self, **_: Any) -> None:
        """Nothing to learn."""


def test_an_offset_that_is_none_is_asked_for_again() -> None:
    """A client whose connection went away at its questions answers -1001, and no error."""
    admin = cast("AdminClient", StubAdmin([-1001, 7, -1001, 7]))
    assert read_back({}, admin, {OUTPUT: None}).state() == [(*OUTPUT, 7)]


def test_only_of_what_others_write_too_may_something_be_gone() -> None:
    """Who purges `dead_letters` takes what ingesters wrote there after the engine had."""
    admin = cast("AdminClient", StubAdmin([]))
    assert read_back({}, admin, {("dead_letters", 0): 3}).state() == [("dead_letters", 0, 7)]
    with pytest.raises(SinkError, match=r"features.bars\[3\]: offsets 3 to 6 are gone"):
        read_back({}, admin, {OUTPUT: 3})
    with pytest.raises(SinkError, match=r"dead_letters\[0\]: offset 8 comes next, but the topic ends at 7"):
        read_back({}, admin, {("dead_letters", 0): 8})
