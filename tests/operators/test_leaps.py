"""Which records that leap ahead are believed, and when the others are refuted."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.leaps import LEAP, Held, Leaps
from schemas.layouts import LayoutError
from schemas.time import HOUR, MINUTE, SECOND
from tests.operators.support import QUICK, START

NEAR = 5 * SECOND


def held(at: int, offset: int = 0) -> Held:
    return Held(0, offset, 0, b"", START + at)


def offsets(taken: list[Held]) -> list[int]:
    return [message.offset for message in taken]


def begun() -> Leaps:
    """At `START`."""
    leaps = Leaps(NEAR)
    leaps.judge(held(0))
    leaps.judge(held(0))
    return leaps


def test_what_is_no_leap_need_not_be_judged() -> None:
    leaps = begun()
    assert leaps.limit == START + NEAR
    assert leaps.reach(START + MINUTE) == []
    assert leaps.limit == START + MINUTE + NEAR
    assert leaps.reach(START) == []
    assert leaps.limit == START + MINUTE + NEAR


def test_the_next_record_that_has_come_as_far_confirms_it() -> None:
    for confirming, expected in ((HOUR, [1, 2]), (HOUR - LEAP, [1, 2]), (HOUR - LEAP - 1, [])):
        leaps = begun()
        assert leaps.judge(held(HOUR, 1)) == ([], [])
        assert leaps.limit == START + NEAR  # no record of the present has to be judged
        assert offsets(leaps.judge(held(confirming, 2))[0]) == expected


def test_without_one_it_is_refuted_when_the_key_has_gone_on_for_a_minute() -> None:
    leaps = begun()
    leaps.judge(held(HOUR, 1))
    assert leaps.reach(START + MINUTE - 1) == []
    assert offsets(leaps.reach(START + MINUTE)) == [1]
    assert leaps.limit == START + MINUTE + NEAR


def test_a_first_record_has_to_be_confirmed_too() -> None:
    leaps = Leaps(NEAR)
    assert leaps.judge(held(HOUR, 1)) == leaps.judge(held(0, 2)) == ([], [])
    assert offsets(leaps.judge(held(1, 3))[0]) == [2, 3]
    assert leaps.reach(START + 10 * SECOND) == leaps.reach(START + 10 * SECOND + MINUTE - 1) == []
    assert offsets(leaps.reach(START + 10 * SECOND + MINUTE)) == [1]


def test_two_ages_side_by_side_are_both_believed() -> None:
    """A tape of long ago that is read beside a live market."""
    leaps, found = Leaps(NEAR), list[int]()
    for i in range(6):
        taken, refuted = leaps.judge(held(1_000 * HOUR * (i % 2) + i * SECOND, i))
        assert not refuted
        found += offsets(taken)
    assert found == [0, 2, 1, 3, 4, 5]


def test_patience() -> None:
    assert offsets(begun().judge(held(HOUR + LEAP, 1), HOUR)[0]) == [1]
    assert offsets(begun().judge(held(HOUR + LEAP + 1, 1), HOUR)[0]) == []


def test_memory_is_bounded() -> None:
    leaps = begun()
    refuted = [message.offset for i in range(100) for message in leaps.judge(held((200 - i) * HOUR, i))[1]]
    assert refuted == list(range(92))


@QUICK
@given(times=st.lists(st.integers(0, 30), max_size=30), beats=st.integers(1, 5), cut=st.integers(0, 30))
def test_nothing_is_lost_or_doubled_and_a_restart_changes_nothing(times: list[int], beats: int, cut: int) -> None:
    def run(cut: int) -> tuple[list[tuple[bool, int]], list[Held]]:
        leaps, out = Leaps(NEAR), list[tuple[bool, int]]()
        for i, minutes in enumerate(times):
            if i == cut:
                again = Leaps(NEAR)
                again.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(leaps.state())))
                assert again.limit == leaps.limit
                leaps = again
            ts = minutes * MINUTE
            taken, refuted = leaps.judge(held(ts, i)) if START + ts > leaps.limit else ([held(ts, i)], [])
            if taken and i % beats == 0:
                refuted = refuted + leaps.reach(taken[-1].ts_received)
            out += [(True, message.offset) for message in taken] + [(False, message.offset) for message in refuted]
        return out, leaps._held

    out, waiting = run(cut)
    assert (out, waiting) == run(-1)
    assert sorted([offset for _, offset in out] + offsets(waiting)) == list(range(len(times)))


def test_the_state_of_another_version_is_refused() -> None:
    with pytest.raises(LayoutError, match="version 7, newer than 1"):
        Leaps(NEAR).restore([7, *Leaps(NEAR).state()[1:]])
