"""Whether the book knows of the future, and only as much as it is told to."""

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from schemas.market import BookDelta, BookSnapshot, Trade
from schemas.time import HOUR, SECOND
from sources.simulator import LISTINGS
from tests.sources.simulator.support import START, RebuiltBook, records

HORIZON = 5


Floats = NDArray[np.float64]


def rank_correlation(x: Floats, y: Floats) -> float:
    """Spearman's; without any relation normal with deviation 1 / sqrt(n)."""
    return float(np.corrcoef(x.argsort().argsort(), y.argsort().argsort())[0, 1])


@cache
def seen(edge: float) -> tuple[Floats, Floats, Floats]:
    """Every five seconds: imbalance of five levels, net bought volume of five seconds, return of the next five."""
    book = RebuiltBook()
    imbalances, flows, mids, flow, due = [], [], [], 0.0, START + HORIZON * SECOND
    for record in records(edge=edge, duration=2 * HOUR, instruments=LISTINGS[1:2]):
        if record.ts_received >= due:
            due += HORIZON * SECOND
            bids = sum(book.bids[price] for price in sorted(book.bids)[-5:])
            asks = sum(book.asks[price] for price in sorted(book.asks)[:5])
            imbalances.append((bids - asks) / (bids + asks))
            flows.append(flow)
            mids.append(sum(book.best) / 2)
            flow = 0.0
        if isinstance(record, BookSnapshot):
            book.replace(record)
        elif isinstance(record, BookDelta):
            book.apply(record)
        elif isinstance(record, Trade):
            flow += record.size if record.aggressor_side == "buy" else -record.size
    return np.array(imbalances)[:-1], np.array(flows)[:-1], np.diff(np.log(mids))


def test_without_an_edge_nothing_predicts() -> None:
    imbalances, flows, returns = seen(0.0)
    assert len(returns) > 1_400
    assert imbalances.std() > 0.1
    assert abs(rank_correlation(imbalances, returns)) < 3 / np.sqrt(len(returns))
    assert abs(rank_correlation(flows, returns)) < 3 / np.sqrt(len(returns))


@pytest.mark.parametrize(("edge", "low", "high"), [(0.2, 0.08, 0.3), (0.9, 0.6, 0.95)])
def test_an_edge_is_felt_as_much_as_it_is_set(edge: float, low: float, high: float) -> None:
    imbalances, _, returns = seen(edge)
    assert low < rank_correlation(imbalances, returns) < high


def test_order_flow_knows_something_too() -> None:
    _, flows, returns = seen(0.9)
    assert rank_correlation(flows, returns) > 0.12
