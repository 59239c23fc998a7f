"""Real recordings, beside the facts that were worked out from them."""

import json
from itertools import pairwise
from typing import Any

from schemas.market import BookDelta, BookSnapshot, InstrumentDefinition, MarketEvent, MarkPrice, Quote, Trade
from schemas.time import HOUR, MILLISECOND, SECOND
from sources.malformed import Malformed
from sources.merge import Heard
from sources.normalise.venue import FUTURE_TOLERANCE
from sources.tapes.tape import open_tapes
from tests.data import DATA, needs_data

pytestmark = needs_data

RAW = DATA / "ws_raw"


def read(folder: str, files: list[str], venue: str) -> list[MarketEvent]:
    items = list(open_tapes([([RAW / folder / name for name in files], venue)])[0])
    assert not any(isinstance(item, Malformed) for item in items)
    return [item for item in items if not isinstance(item, (Malformed, Heard))]


def fact(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DATA / "facts" / name).read_text())
    return found


def test_usdm_over_a_funding_settlement() -> None:
    facts = fact("binance_2023-04-05_usdm_btcusdt.json")
    definition, *records = read("binance_2023-04-05_funding", facts["files"], "binanceusdm")
    assert isinstance(definition, InstrumentDefinition)
    assert (definition.kind, definition.tick_size, definition.funding_interval) == ("perpetual", None, 8 * HOUR)
    assert len(records) == sum(facts["messages"].values())
    assert records[0].ts_received == facts["received_first"] * 1_000
    assert records[-1].ts_received == facts["received_last"] * 1_000
    numbers = [record.sequence for record in records if isinstance(record, Trade)]
    assert numbers == list(range(facts["trade_id_first"], facts["trade_id_last"] + 1))
    left_out = facts["non_market_trades_left_out_of_bars"][0]
    (odd,) = [record for record in records if isinstance(record, Trade) and not record.market]
    assert (odd.trade_id, odd.ts_event, odd.price) == (str(left_out["t"]), left_out["T"] * MILLISECOND, 28722.5)
    marks = [record for record in records if isinstance(record, MarkPrice)]
    (settled,) = [(old, new) for old, new in pairwise(marks) if old.next_funding != new.next_funding]
    (wanted,) = facts["funding_rollovers"]
    assert settled[1].ts_event == wanted["at_E"] * MILLISECOND
    assert [mark.next_funding for mark in settled] == [wanted[name] * MILLISECOND for name in ("old_T", "new_T")]
    assert [mark.funding_rate for mark in settled] == [2.76e-05, 2.76e-05]
    assert all(mark.index_price for mark in marks)


def test_spot_quotes_have_the_exchanges_time_as_last_known() -> None:
    facts = fact("binance_2023-04-05_spot_btcusdt.json")
    _, *records = read("binance_2023-04-05_funding", facts["files"], "binance")
    known = 0
    for record in records:
        if isinstance(record, Quote):
            assert record.ts_event == (known or record.ts_received)
        known = max(known, record.ts_event)


def test_books_chain_by_the_venues_numbers() -> None:
    for venue, file in (("binance", "spot_btcusdt_20240808.gz"), ("binancecoinm", "cm_btcusd_perp_20240808.gz")):
        records = read("binance_2024-08-08", [file], venue)
        (snapshot,) = [record for record in records if isinstance(record, BookSnapshot)]
        assert (snapshot.depth, len(snapshot.bid_prices), snapshot.maintained) == (1_000, 1_000, False)
        deltas = [record for record in records if isinstance(record, BookDelta)]
        for old, new in pairwise(deltas):
            assert old.last_sequence is not None
            assert new.first_sequence is not None
            if venue == "binance":
                assert (new.first_sequence, new.previous_sequence) == (old.last_sequence + 1, None)
            else:
                assert new.previous_sequence == old.last_sequence
        ahead = [record.ts_event - record.ts_received for record in records]
        assert 1.2 * SECOND < max(ahead) < FUTURE_TOLERANCE  # the receiver's clock is behind, believably


CAPTURES: dict[str, tuple[str, list[str]]] = {
    "binance": ("BINANCE", [".0", ".http.0.0", ".ws.1.0"]),
    "binanceusdm": ("BINANCE_FUTURES", [".0", ".http.0.0", ".ws.1.0"]),
    "binancecoinm": ("BINANCE_DELIVERY", [".0", ".http.0.0", ".ws.1.0"]),
    "okx": ("OKX", [".0", ".ws.1.0"]),
    "kraken": ("KRAKEN", [".0", ".ws.48.0", ".ws.49.0", ".ws.50.0"]),
}
COUNTS = {  # instruments, trades, quotes, book snapshots, book deltas
    "binance": (4, 2, 84, 4, 177),
    "binanceusdm": (4, 91, 613, 4, 764),
    "binancecoinm": (10, 51, 2_240, 10, 2_047),
    "okx": (3, 74, 28, 3, 287),
    "kraken": (10, 10, 0, 10, 4_269),
}


def test_captures_of_all_venues_are_read_whole_and_with_their_instrument_lists() -> None:
    for venue, (name, parts) in CAPTURES.items():
        records = read("cryptofeed", [f"{name}{part}.gz" for part in parts], venue)
        definitions = {record.instrument_id: record for record in records if isinstance(record, InstrumentDefinition)}
        kinds = (Trade, Quote, BookSnapshot, BookDelta)
        counts = [sum(isinstance(record, kind) for record in records) for kind in kinds]
        assert (len(definitions), *counts) == COUNTS[venue]
        assert all(definition.tick_size and definition.lot_size for definition in definitions.values())


def test_instrument_lists_tell_tick_lot_and_multiplier() -> None:
    (bitcoin,) = [
        record
        for record in read("cryptofeed", ["BINANCE_DELIVERY.0.gz", "BINANCE_DELIVERY.ws.1.0.gz"], "binancecoinm")
        if isinstance(record, InstrumentDefinition) and record.base == "BTC"
    ]
    assert bitcoin.instrument_id == "binancecoinm:BTC/USD:BTC-211231"
    assert (bitcoin.tick_size, bitcoin.lot_size, bitcoin.contract_multiplier) == (0.1, 1.0, 100.0)
    assert (bitcoin.inverse, bitcoin.settle, bitcoin.expiry) == (True, "BTC", 1_640_937_600 * SECOND)
