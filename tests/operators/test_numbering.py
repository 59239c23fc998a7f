"""The running numbers of trades, beside a plain set."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from operators.numbering import RESTART, Break, TradeNumbers
from schemas.time import MILLISECOND
from tests.operators.support import QUICK, START


def after(*numbers: int) -> TradeNumbers:
    """What has followed these, a millisecond apart."""
    followed = TradeNumbers()
    for i, number in enumerate(numbers):
        followed.follow(number, START + i * MILLISECOND, START + i)
    return followed


@QUICK
@given(numbers=st.lists(st.integers(1, 40), max_size=40), cut=st.integers(0, 40))
def test_missing_is_what_lies_between_the_first_and_the_furthest_and_has_not_come(numbers: list[int], cut: int) -> None:
    followed = after(*numbers[:cut])
    saved = msgspec.msgpack.decode(msgspec.msgpack.encode(followed.state()))
    followed = TradeNumbers()
    followed.restore(saved)
    for i, number in enumerate(numbers[cut:], cut):
        followed.follow(number, START + i * MILLISECOND, START + i)
    assert followed.state() == after(*numbers).state()
    missing = [number for hole in followed.take() for number in range(hole.expected, hole.received)]
    assert missing == sorted(set(range(numbers[0], max(numbers))) - set(numbers) if numbers else ())
    assert followed.take() == []


def test_a_hole_says_what_it_lies_between() -> None:
    (hole,) = after(7, 8, 12).take()
    assert hole == Break(9, 12, START + MILLISECOND, START + 2 * MILLISECOND, START + 2)
    assert hole.missing == 3
    assert [(half.expected, half.received) for half in after(7, 8, 12, 10).take()] == [(9, 10), (11, 12)]


def test_a_number_that_goes_back_later_than_any_disorder_begins_anew() -> None:
    followed = after(7, 8)
    followed.follow(3, START + MILLISECOND + RESTART, START)
    assert followed.take() == []
    followed.follow(4, START + MILLISECOND + RESTART + 1, START)
    followed.follow(5, START + MILLISECOND + RESTART + 2, START)
    assert [(one.expected, one.received, one.missing) for one in followed.take()] == [(9, 4, 0)]


def test_it_is_full_some_time() -> None:
    followed = after(*range(0, 1_000, 2))
    assert followed.full
    followed.take()
    assert not followed.full
