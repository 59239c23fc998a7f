"""The order book on real recordings: the facts worked out from them, and the venues' own checksums."""

import json
from typing import Any

import pytest

from operators.book import OrderBook
from operators.checksum import CHECKSUMS, decimals_of
from schemas.market import BookDelta, BookSnapshot, InstrumentDefinition
from sources.tapes.tape import open_tapes
from tests.data import DATA, needs_data


@needs_data
@pytest.mark.parametrize("fact", sorted((DATA / "facts").glob("*.json")), ids=lambda path: path.stem)
def test_final_books_of_real_tapes(fact: Any) -> None:
    facts = json.loads(fact.read_text())
    if facts["final_book"] is None:
        assert facts["snapshot_lastUpdateId"] is None
        return
    folder = "binance_2024-08-08" if "2024-08-08" in fact.stem else "binance_2023-04-05_funding"
    venue = {"spot": "binance", "usdm": "binanceusdm", "cm": "binancecoinm"}[fact.stem.split("_")[2]]
    book = OrderBook()
    for item in open_tapes([([DATA / "ws_raw" / folder / name for name in facts["files"]], venue)])[0]:
        if isinstance(item, BookDelta):
            assert book.on_delta(item) is None
        elif isinstance(item, BookSnapshot):
            assert book.on_snapshot(item) is None
    assert (book.applied, book.dropped_old) == (facts["depth_events_applied"], facts["depth_events_dropped_as_old"])
    assert (book.sequence, book.gaps, book.crossed) == (facts["last_applied_u"], 0, False)
    assert [len(book.bids), len(book.asks)] == facts["final_book"]["levels"]
    for side, name in ((book.bids, "bids"), (book.asks, "asks")):
        shown = [[float(price), float(size)] for price, size in facts["final_book"][name]]
        assert [[price, side.levels[price]] for price in side.best(10)] == shown


@needs_data
@pytest.mark.parametrize(
    ("venue", "files", "right"),
    [
        ("okx", ["OKX.0.gz", "OKX.ws.1.0.gz"], 290),
        ("kraken", ["KRAKEN.0.gz", "KRAKEN.ws.48.0.gz", "KRAKEN.ws.49.0.gz", "KRAKEN.ws.50.0.gz"], 4_269),
    ],
)
def test_checksums_of_real_tapes(venue: str, files: list[str], right: int) -> None:
    books: dict[str, OrderBook] = {}
    for tape in open_tapes([([DATA / "ws_raw" / "cryptofeed" / name], venue) for name in files]):
        for item in tape:
            if isinstance(item, (BookDelta, BookSnapshot, InstrumentDefinition)):
                book = books.setdefault(item.instrument_id, OrderBook(CHECKSUMS[venue]))
                if isinstance(item, BookDelta):
                    assert book.on_delta(item) is None
                elif isinstance(item, BookSnapshot):
                    assert book.on_snapshot(item) is None
                else:
                    book.decimals = (decimals_of(item.tick_size), decimals_of(item.lot_size))
    assert sum(book.checksums_right for book in books.values()) == right
    assert all(book.synchronised and not book.dropped_old for book in books.values())
