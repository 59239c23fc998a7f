"""Order-flow imbalance of bars beside the sum over every single quote."""

from itertools import pairwise

import pytest

from schemas.market import Quote
from tests.data import needs_data
from tests.operators.flow.support import TAPES, inside, recorded


def flow(before: Quote, quote: Quote) -> float:
    """Equation 5 of Cont, Kukanov and Stoikov."""
    bought = (quote.bid_price >= before.bid_price) * quote.bid_size - (
        quote.bid_price <= before.bid_price
    ) * before.bid_size
    sold = (quote.ask_price <= before.ask_price) * quote.ask_size - (
        quote.ask_price >= before.ask_price
    ) * before.ask_size
    return bought - sold


@needs_data
@pytest.mark.parametrize("name", TAPES)
def test_on_real_tapes(name: str) -> None:
    tape = recorded(name)
    flows = [(later.ts_event, flow(before, later)) for before, later in pairwise(tape.quotes)]
    for vector in tape.vectors:
        begin, end = inside(vector)
        wanted = sum(one for ts, one in flows if begin <= ts < end)
        assert vector.features["ofi"] == pytest.approx(wanted, rel=1e-9, abs=1e-9)
