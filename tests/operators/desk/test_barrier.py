"""The waiting room: every member of a close, and who is one."""

from random import Random

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from operators.closed import Closed, Standing
from operators.desk.barrier import Barrier
from schemas.time import MINUTE
from tests.operators.desk.support import absence, closed, interleaved, standing
from tests.operators.support import QUICK, ns

A, B, C = "x:a", "x:b", "x:c"
Told = list[tuple[int, list[str]]]


def told(barrier: Barrier, *records: Closed | Standing) -> Told:
    """Closes in minutes with those who are handed out."""
    for record in records:
        barrier.add(record)
    return [((ts - ns(0)) // MINUTE, [one.instrument_id for one in found]) for ts, _, found in barrier.ready()]


def at(minute: int, instrument_id: str) -> Closed:
    return closed(absence(minute, instrument_id))


def test_nothing_without_the_control_record() -> None:
    barrier = Barrier()
    assert told(barrier, at(1, A), at(1, B)) == []
    assert told(barrier, standing(1, A, B)) == [(1, [A, B])]
    assert told(barrier, at(2, A), at(2, B)) == []


def test_every_member_is_waited_for() -> None:
    barrier = Barrier()
    assert told(barrier, standing(5, A, B, C), at(1, C), at(1, A)) == []
    assert told(barrier, at(1, B)) == [(1, [A, B, C])]


def test_a_later_close_says_that_there_is_none_for_the_earlier() -> None:
    barrier = Barrier()
    assert told(barrier, standing(9, A, B), at(1, A), at(2, A), at(3, B)) == [(1, [A]), (2, [A])]
    assert told(barrier, at(3, A)) == [(3, [A, B])]


def test_who_is_no_member_is_neither_waited_for_nor_handed_out() -> None:
    barrier = Barrier()
    assert told(barrier, standing(9, A), at(1, B), at(1, A), at(2, C), at(2, A)) == [(1, [A]), (2, [A])]
    assert told(barrier, at(1, C), at(3, A)) == [(3, [A])]
    assert barrier.waiting == {}


def test_membership_changes_at_its_close() -> None:
    barrier = Barrier()
    told(barrier, standing(1, A), standing(2, A, B), standing(3, B))
    assert told(barrier, at(1, A), at(1, B)) == [(1, [A])]
    assert told(barrier, at(2, A)) == []
    assert told(barrier, at(2, B)) == [(2, [A, B])]
    assert told(barrier, at(3, B)) == [(3, [B])]
    assert told(barrier, at(4, B)) == []  # not known yet who is a member then
    assert told(barrier, standing(4)) == []
    assert barrier.waiting == {}


def test_one_who_has_left_is_still_waited_for_up_to_the_end_of_its_membership() -> None:
    barrier = Barrier()
    assert told(barrier, standing(3, A), standing(9, B), at(7, B)) == []
    assert told(barrier, at(2, A)) == [(2, [A])]
    assert told(barrier, at(3, A)) == [(3, [A]), (7, [B])]


def test_a_later_membership_does_not_reach_back() -> None:
    barrier = Barrier()
    assert told(barrier, standing(2), standing(3, A, B), at(3, A), at(2, B)) == []
    assert told(barrier, at(3, B)) == [(3, [A, B])]
    barrier = Barrier()
    assert told(barrier, standing(2), at(3, A), standing(3, A, B)) == []
    assert told(barrier, at(2, B), at(3, B)) == [(3, [A, B])]


def test_standings_do_not_pile_up() -> None:
    barrier = Barrier()
    told(barrier, *[standing(minute, A) for minute in range(1, 100)])
    assert barrier.standings == [standing(99, A)]


def test_standings_that_were_known_at_other_times_are_kept_apart() -> None:
    """Else the time of a close hung on how far the control key had come."""
    first, second = (Standing(ns(60 * minute), (A,), ns(70 * minute)) for minute in (1, 2))
    orders: list[list[Closed | Standing]] = [[first, second, at(1, A), at(2, A)], [first, at(1, A), second, at(2, A)]]
    for records in orders:
        barrier = Barrier()
        found = []
        for record in records:
            barrier.add(record)
            found += [ts_decided for _, ts_decided, _ in barrier.ready()]
        assert found == [ns(70), ns(140)]


STEPS = st.lists(st.tuples(st.sampled_from([A, B, C]), st.integers(1, 3)), max_size=24)
MEMBERS = st.lists(st.tuples(st.integers(1, 3), st.sets(st.sampled_from([A, B, C]))), max_size=6)


@QUICK
@given(steps=STEPS, memberships=MEMBERS, random=st.randoms(use_true_random=False))
def test_no_interleaving_changes_what_is_handed_out(
    steps: list[tuple[str, int]], memberships: list[tuple[int, set[str]]], random: Random
) -> None:
    streams: dict[str, list[Closed | Standing]] = {A: [], B: [], C: [], "control": []}
    reached = dict.fromkeys((A, B, C, "control"), 0)
    for instrument, skipped in steps:
        reached[instrument] += skipped
        streams[instrument].append(at(reached[instrument], instrument))
    for length, members in memberships:
        reached["control"] += length
        streams["control"].append(standing(reached["control"], *sorted(members)))
    one, other, again = Barrier(), Barrier(), Barrier()
    expected = told(one, *[record for stream in streams.values() for record in stream])
    shuffled = interleaved(streams, random)
    assert [close for record in shuffled for close in told(other, record)] == expected
    found: Told = []
    for record in shuffled:  # and with a restart after each
        found += told(again, record)
        again = msgspec.msgpack.decode(msgspec.msgpack.encode(again), type=Barrier)
    assert found == expected
