"""Identifiers seen before, beside a plain set of identifiers and event times."""

from random import Random
from zlib import crc32

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.seen import SeenIds, number_of
from schemas.time import MILLISECOND, MINUTE, SECOND
from tests.operators.support import QUICK, START

IDENTIFIERS = st.one_of(st.integers(0, 60).map(str), st.text(max_size=3), st.sampled_from(["007", "٧", "1e3", "-1"]))
WINDOW = 8 * SECOND


def again(seen: SeenIds) -> SeenIds:
    """What goes on from its state."""
    restored = SeenIds(WINDOW)
    restored.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(seen.state())))
    return restored


@QUICK
@given(
    identifiers=st.lists(IDENTIFIERS, max_size=120), spread=st.integers(1, 20_000), cuts=st.sets(st.integers(0, 120))
)
def test_equals_a_plain_set_whatever_the_order_in_time(identifiers: list[str], spread: int, cuts: set[int]) -> None:
    seen, plain = SeenIds(WINDOW), set[str]()
    for i, identifier in enumerate(identifiers):
        if i in cuts:
            seen = again(seen)
        ts = START + crc32(identifier.encode()) % spread * MILLISECOND
        assert seen.add(identifier, ts) is (identifier not in plain)
        plain.add(identifier)


@QUICK
@given(
    lives=st.lists(st.integers(5, 60), min_size=2, max_size=5), first=st.integers(0, 40),
    step=st.sampled_from([1, 1, 2]), lag=st.integers(0, 50), seed=st.integers(0, 99),
)  # fmt: skip
def test_numbers_that_begin_anew_are_new_and_repetitions_are_not(
    lives: list[int], first: int, step: int, lag: int, seed: int
) -> None:
    random, seen, ts = Random(seed), SeenIds(WINDOW), START  # noqa: S311, no secret
    arrivals: list[tuple[float, str, int]] = []
    for life, count in enumerate(lives):
        for i, number in enumerate(range(first, first + step * count, step), 1_000 * life):
            ts += random.randrange(1, 200) * MILLISECOND
            arrivals += [(i + place, str(number), ts) for place in (2 * random.random(), 900 + lag)]
        ts += SECOND
    taken = [(name, ts) for _, name, ts in sorted(arrivals) if seen.add(name, ts)]
    assert sorted(taken) == sorted({(name, ts) for _, name, ts in arrivals})


@pytest.mark.parametrize("pause", [0.001, 0.5, 600.0])
def test_a_venue_that_begins_anew_at_once_loses_nothing(pause: float) -> None:
    seen, later = SeenIds(WINDOW), round((10 + pause) * SECOND)
    old = [(str(number), START + number * MILLISECOND) for number in range(5_000, 10_001)]
    new = [(str(number - 4_000), ts + later) for number, ts in ((int(name), ts) for name, ts in old)]
    assert all(seen.add(*record) for record in [*old, *new])
    assert not any(seen.add(*record) for record in [*old, *new])


@QUICK
@given(
    records=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 40)), max_size=120),
    cuts=st.sets(st.integers(0, 120)),
)
def test_restored_anywhere_it_says_the_same_of_any_numbers_and_times(
    records: list[tuple[int, int]], cuts: set[int]
) -> None:
    seen, other = SeenIds(WINDOW), SeenIds(WINDOW)
    for i, (number, seconds) in enumerate(records):
        if i in cuts:
            other = again(other)
        record = (str(number), START + seconds * SECOND)
        assert other.add(*record) is seen.add(*record)
        assert other.state() == seen.state()
        assert seen.add(*record) is not True


def test_numbers_without_holes_take_no_memory() -> None:
    seen = SeenIds(WINDOW)
    for number in range(10**9, 10**9 + 70_000):
        assert seen.add(str(number), START + number * MILLISECOND)
    assert len(msgspec.msgpack.encode(seen.state())) < 60
    assert not any(seen.add(str(number), START + number * MILLISECOND) for number in range(10**9, 10**9 + 70_000, 7))


def test_in_whatever_order_they_come() -> None:
    whole = SeenIds(WINDOW)
    for number in range(100):
        whole.add(str(number), START + number * MILLISECOND)
    for order in (range(99, -1, -1), [*range(0, 100, 2), *range(1, 100, 2)], [*range(50, 100), *range(50)]):
        seen = SeenIds(WINDOW)
        assert all(seen.add(str(number), START + number * MILLISECOND) for number in order)
        assert seen.state() == whole.state()


@pytest.mark.parametrize("prefix", ["", "x"])
class TestMemory:
    def test_is_bounded_and_what_is_too_old_to_tell_is_said_to_be(self, prefix: str) -> None:
        seen = SeenIds(WINDOW)
        records = [(f"{prefix}{2 * i}", START + i * SECOND) for i in range(20_000)]
        assert all(seen.add(*record) for record in records)
        assert len(msgspec.msgpack.encode(seen.state())) < 20_000
        known = [seen.add(*record) for record in records]
        assert known == [None] * known.count(None) + [False] * known.count(False)
        assert known.count(False) >= 256
        odd, ts = f"{prefix}{2 * known.count(None) - 3}", records[known.count(None) - 1][1]
        assert seen.add(odd, ts) is None  # it may have been seen, nobody knows any more
        assert seen.add(odd, ts + SECOND) is True

    def test_holds_all_of_the_window(self, prefix: str) -> None:
        seen, step = SeenIds(WINDOW), MILLISECOND
        records = [(f"{prefix}{Random(i).randrange(10**15)}", START + i * step) for i in range(24_000)]  # noqa: S311, no secret
        for i, record in enumerate(records):
            assert seen.add(*record)
            if i >= 7_999 and i % 1_000 == 0:
                assert not any(seen.add(*old) is not False for old in records[i - 7_999 : i : 50])
        for i in range(2_000):
            seen.add(f"{prefix}{10**16 + 2 * i}", START + MINUTE + i * SECOND)
        assert len(msgspec.msgpack.encode(seen.state())) < 40_000

    def test_has_an_end_even_for_what_happens_at_one_moment(self, prefix: str) -> None:
        seen = SeenIds(WINDOW)
        for i in range(70_000):
            seen.add(f"{prefix}{2 * i}", START)
        assert len(msgspec.msgpack.encode(seen.state())) < 900_000


@pytest.mark.parametrize("digits", [17, 18, 19, 64])
def test_numbers_too_long_for_64_bits_are_names(digits: int) -> None:
    seen, identifier = SeenIds(WINDOW), "9" * digits
    assert [seen.add(identifier, START), seen.add(identifier, START)] == [True, False]
    msgspec.msgpack.encode(seen.state())
    assert (number_of(identifier) is None) == (digits > 18)
