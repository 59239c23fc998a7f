"""Measures of book and quotes beside their plain definitions."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.microstructure import OrderFlowImbalance, imbalance, microprice, spread_bps
from tests.operators.support import QUICK

SIZE = st.just(0.0) | st.floats(1e-12, 1e9)  # no lot is smaller; products of denormal numbers lose their digits
SIZES = st.lists(SIZE, max_size=25)
QUOTES = st.lists(st.tuples(st.integers(1, 8), st.integers(0, 5), st.integers(9, 16), st.integers(0, 5)), max_size=60)


@QUICK
@given(bids=SIZES, asks=SIZES)
def test_imbalance_of_every_prefix(bids: list[float], asks: list[float]) -> None:
    for n in range(1, 26):
        bought, sold = sum(bids[:n]), sum(asks[:n])
        ours = imbalance(bids[:n], asks[:n])
        if ours is None:
            assert bought + sold == 0
        else:
            assert ours == pytest.approx((bought - sold) / (bought + sold))
            assert -1 <= ours <= 1


@QUICK
@given(bid=st.floats(1e-8, 1e6), gap=st.floats(1e-6, 0.1), bid_size=SIZE, ask_size=SIZE)
def test_microprice_lies_between_bid_and_ask(bid: float, gap: float, bid_size: float, ask_size: float) -> None:
    ask = bid * (1 + gap)
    micro = microprice(bid, bid_size, ask, ask_size)
    if bid_size + ask_size == 0:
        assert micro is None
        return
    share = bid_size / (bid_size + ask_size)
    assert micro == pytest.approx(bid + share * (ask - bid))


def test_equal_sizes_give_the_middle() -> None:
    assert microprice(99.0, 2.0, 101.0, 2.0) == 100.0
    assert microprice(99.0, 0.0, 101.0, 2.0) == 99.0


def test_spread() -> None:
    assert spread_bps(0.00000999, 0.00001001) == pytest.approx(20.0)


def plain_flow(quotes: list[tuple[int, int, int, int]]) -> float:
    """Equation 5 of Cont, Kukanov and Stoikov, term by term."""
    total = 0
    for (bid0, bid_size0, ask0, ask_size0), (bid, bid_size, ask, ask_size) in pairwise(quotes):
        total += (bid >= bid0) * bid_size - (bid <= bid0) * bid_size0
        total -= (ask <= ask0) * ask_size - (ask >= ask0) * ask_size0
    return float(total)


@QUICK
@given(quotes=QUOTES)
def test_order_flow_imbalance_of_every_prefix(quotes: list[tuple[int, int, int, int]]) -> None:
    flow, taken = OrderFlowImbalance(), 0.0
    assert flow.take() is None
    for n, (bid, bid_size, ask, ask_size) in enumerate(quotes, 1):
        flow.update([(float(bid), float(bid_size), float(ask), float(ask_size))])
        part = flow.take()
        assert part is not None
        taken += part
        assert taken == plain_flow(quotes[:n])
    if quotes:
        assert flow.take() == 0.0


def test_restored_it_goes_on_as_before() -> None:
    flow, again = OrderFlowImbalance(), OrderFlowImbalance()
    flow.update([(99.0, 1.0, 101.0, 2.0), (99.0, 4.0, 101.0, 1.0)])
    again.restore(flow.state())
    for one in (flow, again):
        one.update([(100.0, 2.0, 101.0, 1.0)])
    assert again.take() == flow.take() == 6.0


@QUICK
@given(quotes=QUOTES)
def test_of_equal_prices_the_first_and_the_last_are_enough(quotes: list[tuple[int, int, int, int]]) -> None:
    flow = OrderFlowImbalance()
    thinned = [
        (float(quote[0]), float(quote[1]), float(quote[2]), float(quote[3]))
        for before, quote, after in zip([None, *quotes], quotes, [*quotes[1:], None], strict=False)
        if before is None or after is None or len({(one[0], one[2]) for one in (before, quote, after)}) > 1
    ]
    flow.update(thinned)
    assert flow.take() == (plain_flow(quotes) if quotes else None)
