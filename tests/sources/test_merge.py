"""Several feeds in the order of their receipt."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sources.malformed import Malformed
from sources.merge import SILENCE, Heard, Item, advance, merge

START = 1_720_000_000 * 10**9


def feed(*times: int) -> list[Item]:
    return [Heard(ts_received=START + ts) for ts in times]


def flat(*feeds: list[Item]) -> list[tuple[int, int | None]]:
    return [(index, None if item is None else item.ts_received - START) for index, item in merge(feeds)]


def test_the_earlier_goes_first_and_of_equals_the_feed_named_first() -> None:
    assert flat(feed(1, 3, 3), feed(1, 2), feed()) == [
        (2, None), (0, 1), (1, 1), (1, 2), (1, None), (0, 3), (0, 3), (0, None),
    ]  # fmt: skip


@pytest.mark.parametrize("ts_received", [0, START + 5 * SILENCE, START - 5 * SILENCE])
def test_what_is_malformed_stays_where_it_was_whatever_its_time(ts_received: int) -> None:
    malformed = Malformed(feed="x", offset=2, raw=b"", reason="", ts_received=ts_received)
    merged = merge([[*feed(2), malformed, *feed(9)], feed(1, 3)])
    assert [index for index, item in merged if item is not None] == [1, 0, 0, 1, 0]


def test_time_goes_back_only_by_more_than_a_silence() -> None:
    now = START + 2 * SILENCE
    assert [advance(now, ts) for ts in (now + 1, now - SILENCE, now - SILENCE - 1)] == [now + 1, now, now - SILENCE - 1]


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 20 * SILENCE)), max_size=4))
def test_each_feed_keeps_its_order_and_ends_once(times: list[list[int]]) -> None:
    feeds = [feed(*ts) for ts in times]
    merged = list(merge(feeds))
    for number, items in enumerate(feeds):
        assert [item for index, item in merged if index == number] == [*items, None]


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, SILENCE - 1)).map(sorted), max_size=4))
def test_feeds_in_order_give_a_whole_in_order(times: list[list[int]]) -> None:
    merged = [item.ts_received for _, item in merge([feed(*ts) for ts in times]) if item is not None]
    assert merged == sorted(merged)
