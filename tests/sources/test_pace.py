"""Who waits for whom, and that somebody always may go on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.pace import Pace

PARTS = ["a", "b", "c"]
MOVES = st.lists(
    st.tuples(st.sampled_from(PARTS), st.one_of(st.integers(0, 1_000), st.sampled_from(["end", "leave"]))), max_size=40
)


@given(MOVES)
def test_some_part_with_something_left_may_always_go_on(moves: list[tuple[str, int | str]]) -> None:
    pace, left = Pace(50), dict.fromkeys(PARTS, True)
    for part in PARTS:
        pace.enter(part)
    for part, what in moves:
        if part not in left:
            continue
        if isinstance(what, int):
            pace.moved(part, what)
            left[part] = True
        elif what == "end":
            pace.at_end(part)
            left[part] = False
        else:
            pace.leave(part)
            del left[part]
        unread = [one for one, more in left.items() if more]
        assert not unread or not all(pace.must_wait(one) for one in unread)


def test_a_part_that_has_not_begun_is_waited_for() -> None:
    pace = Pace(100)
    pace.enter("a")
    pace.enter("b")
    pace.moved("a", 5)
    assert pace.must_wait("a")
    pace.moved("b", 0)
    assert not pace.must_wait("a")


def test_a_part_that_left_is_not_waited_for() -> None:
    pace = Pace(100)
    pace.enter("a")
    pace.enter("b")
    pace.moved("a", 1_000)
    pace.leave("b")
    assert not pace.must_wait("a")


def test_a_part_far_ahead_waits_even_at_its_end() -> None:
    pace = Pace(100)
    pace.enter("a")
    pace.enter("b")
    pace.moved("b", 0)
    pace.moved("a", 1_000)
    pace.at_end("a")
    assert pace.must_wait("a")
    assert not pace.must_wait("b")


@pytest.mark.parametrize("max_ahead", [0, -1, float("nan")])
def test_a_bound_that_lets_nobody_on_is_refused(max_ahead: float) -> None:
    with pytest.raises(ValueError, match="max_ahead must be above 0"):
        Pace(max_ahead)
