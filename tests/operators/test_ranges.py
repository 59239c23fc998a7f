"""Ranges of numbers, each with the event times between which it was seen."""

import msgspec

from operators.ranges import NumberRanges


def of(*seen: tuple[int, int]) -> NumberRanges:
    """Ranges of these numbers and event times (ms)."""
    ranges = NumberRanges()
    for number, ts in seen:
        ranges.insert(number, ts)
    return ranges


def test_neighbours_become_one_range_in_whatever_order_they_come() -> None:
    for order in ((1, 2, 3), (3, 2, 1), (1, 3, 2), (2, 1, 3)):
        ranges = of(*((number, 1_000 * number) for number in order))
        assert [ranges.times(number) for number in range(5)] == [None, *[(1_000, 3_000)] * 3, None]


def test_neighbours_of_other_times_stay_apart() -> None:
    ranges = of((1, 90_000), (2, 3_000))
    assert (ranges.times(1), ranges.times(2)) == ((90_000, 90_000), (3_000, 3_000))
    assert ranges.has(1, 90_000)
    assert not ranges.has(1, 3_000)


def test_what_was_last_seen_long_ago_is_forgotten() -> None:
    ranges = of((1, 1_000), (5, 2_000), (6, 3_000), (9, 1_500))
    ranges.forget(1_500)
    assert [ranges.times(number) for number in (1, 5, 6, 9)] == [None, (2_000, 3_000), (2_000, 3_000), None]
    ranges.forget(9_000)
    assert list(ranges.lasts) == []


def test_the_range_added_to_last_is_open_up_to_the_next_one() -> None:
    ranges = of((1, 1_000), (9, 2_000), (2, 1_500))
    assert (ranges.next, ranges.latest, ranges.room) == (3, 1_500, 8)
    ranges.next, ranges.latest = 5, 1_700
    assert (ranges.times(4), ranges.times(5)) == ((1_000, 1_700), None)


def test_no_range_is_open_that_may_be_of_the_count_before() -> None:
    ranges = NumberRanges(since=5_000)
    ranges.insert(7, 5_000)
    assert ranges.next >= ranges.room
    ranges.insert(8, 5_001)
    assert ranges.next < ranges.room


def test_restored_it_is_the_same() -> None:
    ranges = of((10**17, 1_700_000_000_000), (4, 1_700_000_000_001), (5, 1_600_000_000_000), (2, 1_700_000_000_002))
    again = NumberRanges()
    again.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(ranges.state())))
    assert again.state() == ranges.state()
    assert [again.times(n) for n in (2, 4, 5, 10**17)] == [ranges.times(n) for n in (2, 4, 5, 10**17)]
