"""The simulated books, seen as a listener sees them."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.market import BookDelta, BookSnapshot, MarketEvent, Quote, Trade
from sources.simulator import LISTINGS, Listing
from sources.simulator.book import Book
from tests.sources.simulator.support import NAMES, START, RebuiltBook, config, hour, of_type


def heard(name: str) -> Iterator[tuple[RebuiltBook, MarketEvent]]:
    """Every record of an instrument, with the book before it."""
    book = RebuiltBook()
    for record in hour()[1]:
        if record.instrument_id != name:
            continue
        yield book, record
        if isinstance(record, BookSnapshot):
            book.replace(record)
        elif isinstance(record, BookDelta):
            assert book.apply(record)


@pytest.mark.parametrize("name", NAMES)
def test_a_book_rebuilt_from_deltas_never_crosses_and_is_the_simulators(name: str) -> None:
    book = RebuiltBook()
    for book, record in heard(name):
        if isinstance(record, Quote):
            bid, ask = book.best
            assert bid < ask
            assert (bid, book.bids[bid], ask, book.asks[ask]) == (
                record.bid_price, record.bid_size, record.ask_price, record.ask_size,
            )  # fmt: skip
            assert record.sequence == book.sequence
            assert min(len(book.bids), len(book.asks)) >= 200
            assert max(len(book.bids), len(book.asks)) <= 400
    assert book.equals(hour()[0].book(name))


@pytest.mark.parametrize("name", NAMES)
def test_sequences_chain(name: str) -> None:
    _, stream = hour()
    (first,) = of_type(BookSnapshot, stream, name)
    last = first.sequence
    assert len(first.bid_prices) >= 200
    for delta in of_type(BookDelta, stream, name):
        assert last is not None
        assert delta.previous_sequence == last
        assert delta.first_sequence == last + 1
        last += len(delta.bid_prices) + len(delta.ask_prices)
        assert delta.last_sequence == last


@pytest.mark.parametrize("name", NAMES)
def test_trades_take_what_the_book_shows(name: str) -> None:
    consumed: dict[float, float] = {}
    sweeps = 0
    for book, record in heard(name):
        if isinstance(record, BookDelta):
            shown = dict(zip(record.ask_prices + record.bid_prices, record.ask_sizes + record.bid_sizes, strict=True))
            for price, left in consumed.items():
                assert shown[price] == pytest.approx(left)
            consumed = {}
        if isinstance(record, Trade):
            buys = record.aggressor_side == "buy"
            levels, better = (book.asks, min) if buys else (book.bids, max)
            untouched = [price for price in levels if consumed.get(price, levels[price]) > 1e-9]
            assert record.price == better(untouched)
            assert record.size <= levels[record.price] + 1e-9
            consumed[record.price] = levels[record.price] - record.size
            sweeps += len(consumed) > 1
    assert sweeps > 20  # some orders are larger than a level


def on_grid(value: float, step: float) -> bool:
    """Whether ``value`` is the float that prints as a whole number of steps."""
    return Decimal(repr(value)) % Decimal(repr(step)) == 0


@pytest.mark.parametrize("listing", LISTINGS, ids=NAMES)
def test_prices_and_sizes_lie_on_their_grids_and_print_short(listing: Listing) -> None:
    name = listing.instrument_id
    _, stream = hour()
    prices, sizes = set[float](), set[float]()
    for trade in of_type(Trade, stream, name):
        prices.add(trade.price)
        sizes.add(trade.size)
    for levels in (*of_type(BookSnapshot, stream, name), *of_type(BookDelta, stream, name)[:2000]):
        prices.update(levels.bid_prices + levels.ask_prices)
        sizes.update(levels.bid_sizes + levels.ask_sizes)
    assert all(on_grid(price, listing.tick_size) for price in prices)
    assert all(on_grid(size, listing.lot_size) for size in sizes)
    assert min(prices) > 0


@given(moves=st.lists(st.tuples(st.integers(-900, 900), st.integers(1, 40), st.integers(0, 50_000)), max_size=30))
def test_no_way_of_the_price_breaks_a_book(moves: list[tuple[int, int, int]]) -> None:
    book = Book(config(), LISTINGS[0], bid=5_000, ask=5_001)
    rebuilt = RebuiltBook()
    rebuilt.replace(book.snapshot(START, START))
    bid = 5_000
    for move, spread, order in moves:
        bid = max(1_000, bid + move)
        book.move(bid, bid + spread, 1.0)
        assert rebuilt.apply(book.delta(START, START))
        assert rebuilt.best == (bid * 0.5, (bid + spread) * 0.5)
        if book.asks.take(order):
            assert rebuilt.apply(book.delta(START, START))
        assert rebuilt.equals(book.snapshot(START, START))
        assert min(len(rebuilt.bids), 250) == 250
