"""The order book beside the truth, a venue that shows only a part of it, and real recordings."""

from itertools import count
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.book import Break, OrderBook
from schemas.layouts import LayoutError
from tests.operators.support import QUICK, Levels, delta, snapshot

Side = dict[float, float]
BIDS: Levels = [(100.0, 1.0), (99.0, 2.0), (98.0, 3.0)]
ASKS: Levels = [(101.0, 1.0), (102.0, 2.0), (103.0, 3.0)]
CHANGE = st.tuples(st.integers(-25, 25).filter(bool), st.sampled_from([0.0, 0.0, 1.0, 2.0, 5.0]))
"""Ticks from the middle, bids below; new size."""


def best(side: Side, sign: int, n: int) -> Levels:
    return sorted(side.items(), reverse=sign > 0)[:n]


def top(book: OrderBook, n: int) -> tuple[Levels, Levels] | None:
    found = book.top(n)
    if found is None:
        return None
    bids, bid_sizes, asks, ask_sizes = found
    return list(zip(bids, bid_sizes, strict=True)), list(zip(asks, ask_sizes, strict=True))


def prepared(**more: Any) -> OrderBook:
    """A book synchronised at 10."""
    book = OrderBook(**more)
    assert book.on_snapshot(snapshot(0, BIDS, ASKS, sequence=10)) is None
    return book


@QUICK
@given(
    begin=st.lists(CHANGE, min_size=10, max_size=80),
    messages=st.lists(st.lists(CHANGE, max_size=10), max_size=25),
    limit=st.integers(1, 30),
    depth=st.one_of(st.none(), st.integers(1, 12)),
)
def test_a_limited_book_is_the_truth_or_says_nothing(
    begin: list[tuple[int, float]], messages: list[list[tuple[int, float]]], limit: int, depth: int | None
) -> None:
    truth: dict[int, Side] = {1: {}, -1: {}}

    def apply(changes: list[tuple[int, float]]) -> dict[int, Levels]:
        told: dict[int, list[tuple[float, float]]] = {1: [], -1: []}
        for ticks, size in changes:
            side, price = (1, 100.0 + ticks) if ticks < 0 else (-1, 100.0 + ticks)
            told[side].append((price, size))
            truth[side][price] = size
            if not size:
                del truth[side][price]
        return dict(told.items())

    apply(begin)
    shown = best(truth[1], 1, limit), best(truth[-1], -1, limit)
    book = OrderBook(depth=depth)
    book.on_snapshot(snapshot(0, *shown, sequence=0, depth=limit))
    reach = [shown[i][-1][0] if len(shown[i]) >= limit else end for i, end in enumerate((float("-inf"), float("inf")))]
    for number, changes in enumerate(messages, 1):
        told = apply(changes)
        assert book.on_delta(delta(number, told[1], told[-1], first=number, last=number)) is None
        for n in (1, 3, 20):
            right = best(truth[1], 1, n), best(truth[-1], -1, n)
            found = top(book, n)
            assert found in (None, right)
            if depth is None and right[0] and right[1]:
                known = [abs(end) == float("inf") or len(side) == n for side, end in zip(right, reach, strict=True)]
                inside = right[0][-1][0] >= reach[0] and right[1][-1][0] <= reach[1]
                assert (found is not None) == (inside and all(known))


@QUICK
@given(
    begin=st.lists(CHANGE, min_size=10, max_size=80),
    messages=st.lists(st.lists(CHANGE, max_size=10), max_size=25),
    kept=st.integers(1, 12),
)
def test_a_book_that_the_venue_maintains_is_the_truth_to_its_depth(
    begin: list[tuple[int, float]], messages: list[list[tuple[int, float]]], kept: int
) -> None:
    truth: dict[int, Side] = {1: {}, -1: {}}

    def window() -> dict[int, Side]:
        return {sign: dict(best(truth[sign], sign, kept)) for sign in (1, -1)}

    def apply(changes: list[tuple[int, float]]) -> None:
        for ticks, size in changes:
            side = truth[1 if ticks < 0 else -1]
            side[100.0 + ticks] = size
            if not size:
                del side[100.0 + ticks]

    apply(begin)
    before = window()
    book = OrderBook()
    book.on_snapshot(snapshot(0, list(before[1].items()), list(before[-1].items()), depth=kept, maintained=True))
    for number, changes in enumerate(messages, 1):
        apply(changes)
        after = window()
        told = {
            sign: [level for level in after[sign].items() if before[sign].get(level[0]) != level[1]]
            + [(price, 0.0) for price in before[sign] if price not in truth[sign]]
            for sign in (1, -1)
        }
        book.on_delta(delta(number, told[1], told[-1]))
        before = after
        right = best(truth[1], 1, kept), best(truth[-1], -1, kept)
        assert top(book, kept) == (right if right[0] and right[1] else None)
        assert top(book, kept + 1) is None


def test_nothing_is_known_of_a_side_that_came_empty_without_a_depth() -> None:
    book = OrderBook()
    book.on_snapshot(snapshot(0, [], ASKS, sequence=1))
    book.on_delta(delta(1, [(99.0, 1.0)], first=2, last=2))
    assert book.top(1) is None
    book = OrderBook()
    book.on_snapshot(snapshot(0, [], ASKS, sequence=1, depth=20))  # but a side shorter than asked for is whole
    book.on_delta(delta(1, [(99.0, 1.0)], first=2, last=2))
    assert top(book, 1) == ([(99.0, 1.0)], [(101.0, 1.0)])


def test_a_side_without_levels_has_no_top() -> None:
    book = prepared()
    book.on_delta(delta(1, [(price, 0.0) for price, _ in BIDS], first=11, last=11))
    assert book.top(1) is None
    assert not book.crossed


class TestSpot:
    """Each message's first update follows the last one of the message before."""

    def test_deltas_before_the_book_snapshot_are_kept_and_old_ones_dropped(self) -> None:
        book = OrderBook()
        for first, last in ((5, 7), (8, 10), (11, 12), (13, 13)):
            assert book.on_delta(delta(first, [(100.0, float(last))], first=first, last=last)) is None
        assert (book.synchronised, book.top(1)) == (False, None)
        assert book.on_snapshot(snapshot(14, BIDS, ASKS, sequence=10)) is None
        assert (book.applied, book.dropped_old, book.sequence) == (2, 2, 13)
        assert top(book, 1) == ([(100.0, 13.0)], [(101.0, 1.0)])

    def test_the_first_one_may_reach_over_the_book_snapshot(self) -> None:
        book = prepared()
        assert book.on_delta(delta(1, [(100.0, 7.0)], first=8, last=12)) is None
        assert (book.sequence, book.applied) == (12, 1)

    def test_one_that_ends_with_the_book_snapshot_is_old(self) -> None:
        book = prepared()
        book.on_delta(delta(1, [(100.0, 7.0)], first=8, last=10))
        assert (book.dropped_old, book.applied) == (1, 0)

    def test_a_loss_is_seen_at_that_very_message(self) -> None:
        book = prepared()
        book.on_delta(delta(1, first=11, last=11))
        assert book.on_delta(delta(2, first=13, last=14)) == Break("book_sequence", 12, 13)
        assert (book.synchronised, book.stale, book.gaps, book.top(1)) == (False, True, 1, None)

    def test_what_showed_the_loss_and_follows_is_applied_after_the_next_book_snapshot(self) -> None:
        book = prepared()
        book.on_delta(delta(1, [(100.0, 13.0)], first=13, last=14))
        book.on_delta(delta(2, [(99.0, 15.0)], first=15, last=15))
        assert book.on_snapshot(snapshot(3, BIDS, ASKS, sequence=12)) is None
        assert top(book, 2) == ([(100.0, 13.0), (99.0, 15.0)], [(101.0, 1.0), (102.0, 2.0)])

    def test_a_book_snapshot_that_the_deltas_do_not_chain_on_to_does_not_synchronise(self) -> None:
        book = prepared()
        book.on_delta(delta(1, first=15, last=16))
        book.on_delta(delta(2, first=17, last=17))
        assert book.on_snapshot(snapshot(3, BIDS, ASKS, sequence=12)) == Break("book_sequence", 13, 15)
        assert book.stale
        assert book.on_snapshot(snapshot(4, BIDS, ASKS, sequence=14)) is None
        assert (book.synchronised, book.sequence) == (True, 17)


class TestFutures:
    """Each message names the last update of the message before."""

    def test_the_first_one_may_end_where_the_book_snapshot_does(self) -> None:
        book = prepared()
        assert book.on_delta(delta(1, [(100.0, 7.0)], first=8, last=10, previous=7)) is None
        assert (book.applied, top(book, 1)) == (1, ([(100.0, 7.0)], [(101.0, 1.0)]))
        book.on_delta(delta(1, [(100.0, 9.0)], first=8, last=10, previous=7))  # the same once more
        assert (book.applied, book.dropped_old) == (1, 1)

    def test_numbers_may_have_holes_as_long_as_they_chain(self) -> None:
        book = prepared()
        for first, last, previous in ((9, 13, 8), (20, 25, 13), (40, 41, 25)):
            assert book.on_delta(delta(first, first=first, last=last, previous=previous)) is None
        assert (book.sequence, book.applied) == (41, 3)

    def test_a_loss_is_seen_at_that_very_message(self) -> None:
        book = prepared()
        book.on_delta(delta(1, first=9, last=13, previous=8))
        assert book.on_delta(delta(2, first=30, last=31, previous=25)) == Break("book_sequence", 13, 25)
        assert book.top(1) is None

    def test_a_second_stream_that_overlaps_is_accepted(self) -> None:
        book = prepared()
        book.on_delta(delta(1, [(100.0, 4.0)], first=11, last=13, previous=10))
        assert book.on_delta(delta(2, [(100.0, 5.0)], first=12, last=15, previous=11)) is None
        assert (book.sequence, top(book, 1)) == (15, ([(100.0, 5.0)], [(101.0, 1.0)]))


def test_repeated_deltas_change_nothing() -> None:
    book = prepared()
    messages = [delta(i, [(99.0, float(i))], first=10 + i, last=10 + i) for i in range(1, 6)]
    for i, message in enumerate(messages):
        for copy in messages[: i + 1]:
            assert book.on_delta(copy) is None
        assert book.on_delta(message) is None
        assert book.bids.levels[99.0] == i + 1
    assert book.applied == 5


def test_numbers_on_one_side_only() -> None:
    book = prepared()
    assert book.on_delta(delta(1, [(100.0, 7.0)])) is None
    assert book.on_delta(delta(2, [(100.0, 8.0)], first=11, last=11)) is None
    assert (book.applied, book.sequence, book.bids.levels[100.0]) == (2, 11, 8.0)
    book = OrderBook()
    book.on_snapshot(snapshot(0, BIDS, ASKS))
    assert book.on_delta(delta(1, first=900, last=901)) is None
    assert book.on_delta(delta(2, first=903, last=903)) == Break("book_sequence", 902, 903)


def test_a_book_snapshot_older_than_the_book_is_ignored() -> None:
    book = prepared()
    book.on_delta(delta(1, [(100.0, 7.0)], first=11, last=11))
    assert book.on_snapshot(snapshot(2, [(50.0, 1.0)], [(60.0, 1.0)], sequence=10)) is None
    assert book.on_snapshot(snapshot(2, [(50.0, 1.0)], [(60.0, 1.0)], sequence=11)) is None
    assert top(book, 1) == ([(100.0, 7.0)], [(101.0, 1.0)])
    book.on_snapshot(snapshot(3, [(50.0, 1.0)], [(60.0, 1.0)], sequence=12))
    assert top(book, 1) == ([(50.0, 1.0)], [(60.0, 1.0)])


def test_numbers_that_begin_anew_are_a_loss_and_not_old_for_ever() -> None:
    book = prepared()
    book.on_delta(delta(1, first=11, last=11))
    assert book.on_delta(delta(5, first=1, last=1)) is None
    assert book.synchronised  # so near in time it may be an old message once more
    assert book.on_delta(delta(6.5, first=2, last=2)) == Break("book_sequence", 11, 2)
    book.on_snapshot(snapshot(7, BIDS, ASKS, sequence=1))
    assert (book.synchronised, book.sequence) == (True, 2)


class TestWithoutNumbers:
    """Only clock and checksum tell one message from another."""

    @staticmethod
    def book(right: dict[float, int]) -> OrderBook:
        """Its venue's checksum is looked up by the size of the best bid."""
        book = OrderBook(lambda bids, _asks, _decimals: right[bids.levels[bids.best(1)[0]]])
        book.on_snapshot(snapshot(0, BIDS, ASKS, checksum=right[1.0]))
        return book

    def test_a_wrong_checksum_is_a_loss(self) -> None:
        book = self.book({1.0: 111, 2.0: 222, 3.0: 333})
        assert book.on_delta(delta(1, [(100.0, 2.0)], checksum=222)) is None
        assert book.on_delta(delta(2, [(100.0, 3.0)], checksum=444)) == Break("book_checksum", 444, 333)
        assert (book.stale, book.checksums_right, book.checksums_wrong) == (True, 2, 1)

    def test_a_book_snapshot_with_a_wrong_checksum_does_not_synchronise(self) -> None:
        book = OrderBook(lambda _bids, _asks, _decimals: 5)
        assert book.on_snapshot(snapshot(0, BIDS, ASKS, checksum=6)) == Break("book_checksum", 6, 5)
        assert book.stale

    def test_copies_that_come_later_change_nothing(self) -> None:
        book = self.book({1.0: 111, 2.0: 222, 3.0: 333})
        first, second = delta(1, [(100.0, 2.0)], checksum=222), delta(1, [(100.0, 3.0)], checksum=333)
        for event in (first, second, first, second, delta(0.5, [(100.0, 9.0)], checksum=1)):
            assert book.on_delta(event) is None
        assert book.on_snapshot(snapshot(0, BIDS, ASKS, checksum=111)) is None
        assert (book.applied, book.dropped_old, book.bids.levels[100.0]) == (2, 3, 3.0)

    def test_nobody_can_tell_what_was_lost_when_nobody_listened(self) -> None:
        book = self.book({1.0: 111})
        book.disconnect()
        assert (book.stale, book.top(1)) == (True, None)


def test_without_numbers_and_checksums_all_of_one_moment_counts() -> None:
    book = OrderBook()
    book.on_snapshot(snapshot(0, BIDS, ASKS))
    for size in (2.0, 3.0):
        book.on_delta(delta(1, [(100.0, size)]))
    assert (book.applied, book.bids.levels[100.0]) == (2, 3.0)


def test_a_numbered_book_is_in_doubt_after_silence_until_its_chain_goes_on() -> None:
    book = prepared()
    book.disconnect()
    assert (book.synchronised, book.top(1)) == (True, None)
    book.on_delta(delta(1, first=9, last=9))  # old, so it proves nothing
    assert book.top(1) is None
    book.on_delta(delta(9, first=11, last=11))
    assert top(book, 1) == ([(100.0, 1.0)], [(101.0, 1.0)])


def test_crossed() -> None:
    book = prepared()
    assert not book.crossed
    book.on_delta(delta(1, [(101.0, 1.0)], first=11, last=11))
    assert book.crossed


def test_what_waits_for_a_book_snapshot_is_bounded() -> None:
    book = OrderBook()
    for i in range(3_000):
        book.on_delta(delta(i / 100, [(100.0, 1.0)], first=i, last=i))
    assert len(book.state()["pending"]) == 1_000


def test_what_is_kept_is_bounded_by_the_depth() -> None:
    book = OrderBook(depth=20)
    book.on_snapshot(snapshot(0, BIDS, ASKS, sequence=0, depth=1_000))
    for i in count(1):
        book.on_delta(delta(i, [(1.0 + i / 100, 1.0)], [(200.0 - i / 100, 1.0)], first=i, last=i))
        assert max(len(book.bids), len(book.asks)) <= 40
        if i == 500:
            break


def test_what_was_thrown_away_is_no_longer_known() -> None:
    book = OrderBook(depth=2)
    book.on_snapshot(snapshot(0, [*BIDS, (97.0, 4.0)], ASKS[:2], sequence=0, depth=1_000))
    book.on_delta(delta(1, [(96.0, 5.0)], first=1, last=1))
    assert len(book.bids) == 2
    assert top(book, 2) == (list(BIDS[:2]), list(ASKS[:2]))
    assert book.top(3) is None
    book.on_delta(delta(2, [(99.0, 0.0), (90.0, 1.0)], first=2, last=2))  # who knows what lies between 99 and 90
    assert book.top(2) is None
    assert top(book, 1) == ([BIDS[0]], [ASKS[0]])
    book.on_delta(delta(3, [(98.5, 1.0), (98.0, 1.0), (100.5, 1.0)], first=3, last=3))
    assert top(book, 2) == ([(100.5, 1.0), BIDS[0]], list(ASKS[:2]))
    assert book.top(3) is None


def test_restored_it_goes_on_as_before() -> None:
    events = [delta(i, [(100.0 - i % 7, float(i % 3))], first=10 + i, last=10 + i) for i in range(1, 40)]
    events[20:22] = []  # a loss, and messages that wait for the next book snapshot
    end = snapshot(60, BIDS, ASKS, sequence=32)
    for cut in range(len(events)):
        book, again = prepared(depth=2), OrderBook(depth=2)
        for event in events[:cut]:
            book.on_delta(event)
        again.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(book.state())))
        for event in events[cut:]:
            assert again.on_delta(event) == book.on_delta(event)
        assert again.on_snapshot(end) == book.on_snapshot(end)
        assert again.state() == book.state()


def test_the_state_of_another_version_is_refused() -> None:
    with pytest.raises(LayoutError, match="version 9, newer than 1"):
        OrderBook().restore({**OrderBook().state(), "version": 9})
