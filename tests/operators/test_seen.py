"""Identifiers seen before, beside a plain set."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.seen import SeenIds, number_of
from tests.operators.support import QUICK

IDENTIFIERS = st.one_of(st.integers(0, 60).map(str), st.text(max_size=3), st.sampled_from(["007", "٧", "1e3", "-1"]))


@QUICK
@given(identifiers=st.lists(IDENTIFIERS, max_size=120), cut=st.integers(0, 120))
def test_equals_a_plain_set(identifiers: list[str], cut: int) -> None:
    seen, plain = SeenIds(), set[str]()
    for i, identifier in enumerate(identifiers):
        if i == cut:
            saved = msgspec.msgpack.decode(msgspec.msgpack.encode(seen.state()))
            seen = SeenIds()
            seen.restore(saved)
        assert seen.add(identifier) == (identifier not in plain)
        plain.add(identifier)


def test_numbers_without_holes_take_no_memory() -> None:
    seen = SeenIds()
    for number in range(10**9, 10**9 + 5_000):
        assert seen.add(str(number))
    assert seen.state() == [[10**9], [10**9 + 4_999], []]


def test_in_whatever_order_they_come() -> None:
    for order in (range(99, -1, -1), [*range(0, 100, 2), *range(1, 100, 2)], [*range(50, 100), *range(50)]):
        seen = SeenIds()
        assert all(seen.add(str(number)) for number in order)
        assert seen.state() == [[0], [99], []]


def test_memory_is_bounded_whatever_comes() -> None:
    seen = SeenIds()
    for number in range(0, 10_000, 2):
        seen.add(str(number))
        seen.add(f"x{number}")
    starts, ends, names = seen.state()
    assert len(starts) == len(ends) == len(names) == 1_024
    assert not seen.add("9998")
    assert not seen.add("x9998")
    assert len(msgspec.msgpack.encode(seen.state())) < 20_000


@pytest.mark.parametrize("digits", [17, 18, 19, 64])
def test_numbers_too_long_for_64_bits_are_names(digits: int) -> None:
    seen, identifier = SeenIds(), "9" * digits
    assert [seen.add(identifier), seen.add(identifier)] == [True, False]
    msgspec.msgpack.encode(seen.state())
    assert (number_of(identifier) is None) == (digits > 18)
