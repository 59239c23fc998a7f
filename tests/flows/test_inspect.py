"""What `candlewick inspect` finds in real recordings, beside the facts that were worked out from them."""

import json
from math import isclose
from pathlib import Path
from typing import Any

import pytest

from flows.inspect import TapeReport
from schemas.market import FundingRate, Heartbeat, MarketEvent, Trade
from schemas.time import MILLISECOND, MINUTE, SECOND
from sources.malformed import Malformed
from sources.tapes.tape import open_tapes
from tests.data import DATA, needs_data

RAW = DATA / "ws_raw"
VENUES = {"spot": "binance", "usdm": "binanceusdm", "cm": "binancecoinm"}
IDS = {"spot": "binance:{}/USDT", "usdm": "binanceusdm:{}/USDT:USDT", "cm": "binancecoinm:{0}/USD:{0}"}
EVENTS = {
    "trade": "trade",
    "bookTicker": "quote",
    "depth": "book_delta",
    "rest_snapshot": "book_snapshot",
    "markPrice": "mark_price",
}
FACTS = sorted((DATA / "facts").glob("*.json"))
NOW = 1_720_000_020 * SECOND


def inspected(paths: list[Path], venue: str) -> dict[str, Any]:
    report = TapeReport(open_tapes([(paths, venue)])[0])
    assert not report.malformed
    found: dict[str, Any] = report.result()["instruments"]
    return found


def is_bar(ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
    exact = ("open_ms", "open", "high", "low", "close", "trades")
    sums = ("volume", "notional")
    return all(ours[name] == float(theirs[name]) for name in exact) and all(
        isclose(ours[name], float(theirs[name]), rel_tol=1e-9) for name in sums
    )


@needs_data
@pytest.mark.parametrize("path", FACTS, ids=lambda path: path.stem)
def test_every_fact_is_found(path: Path) -> None:
    facts = json.loads(path.read_text())
    kind, coin = facts["files"][0].split("_")[0], path.stem.split("_")[3][:3].upper()
    (folder,) = [folder for folder in RAW.iterdir() if (folder / facts["files"][0]).exists()]
    found = inspected([folder / name for name in facts["files"]], VENUES[kind])
    assert list(found) == [IDS[kind].format(coin)]
    (found,) = found.values()

    assert found["events"] == {EVENTS[name.partition("@")[0]]: count for name, count in facts["messages"].items()}
    assert found["gaps"] == facts["depth_chain_breaks"] == 0
    assert found["not_market_trades"] == [trade["t"] for trade in facts["non_market_trades_left_out_of_bars"]]
    assert found["funding_settlements"] == [
        {"at_ms": moment["at_E"], "old_ms": moment["old_T"], "new_ms": moment["new_T"]}
        for moment in facts["funding_rollovers"]
    ]
    assert found["checksums"] == {"right": 0, "wrong": 0}
    bars = facts["bars_1m_by_trade_time"]
    assert all(is_bar(ours, theirs) for ours, theirs in zip(found["bars_1m"], bars, strict=True))
    if facts["final_book"] is None:
        assert found["book"] is None
        return
    levels = {
        side: [[float(number) for number in level] for level in facts["final_book"][side]] for side in ("bids", "asks")
    }
    assert found["book"] == levels | {
        "last_update_id": facts["last_applied_u"],
        "applied": facts["depth_events_applied"],
        "dropped_old": facts["depth_events_dropped_as_old"],
        "levels": facts["final_book"]["levels"],
    }


@needs_data
def test_the_exchanges_own_bar_is_made_of_the_trades() -> None:
    folder = RAW / "binance_2023-04-05_funding"
    found = inspected([folder / f"usdm_btcusdt_2023040{day}.dat.gz" for day in (4, 5)], "binanceusdm")
    bars = [bar for bar in found["binanceusdm:BTC/USDT:USDT"]["bars_1m"] if bar["open_ms"] >= 1_680_652_800_000][:5]
    assert bars[0]["open"] == 28155.1
    assert max(bar["high"] for bar in bars) == 28159.2
    assert min(bar["low"] for bar in bars) == 28140.0
    assert bars[-1]["close"] == 28140.6
    assert isclose(sum(bar["volume"] for bar in bars), 685.263, rel_tol=1e-12)


@needs_data
@pytest.mark.parametrize(
    ("venue", "files", "instruments", "right"),
    [
        ("okx", ["OKX.0", "OKX.ws.1.0"], 3, 290),
        ("okx", ["OKX.ws.1.0"], 3, 290),
        ("kraken", ["KRAKEN.0", "KRAKEN.ws.48.0", "KRAKEN.ws.49.0", "KRAKEN.ws.50.0"], 10, 4_269),
        ("kraken", ["KRAKEN.ws.50.0"], 10, 4_269),
    ],
)
def test_every_checksum_is_right(venue: str, files: list[str], instruments: int, right: int) -> None:
    found = inspected([RAW / "cryptofeed" / f"{name}.gz" for name in files], venue)
    assert len(found) == instruments
    for name in ("right", "wrong"):
        assert sum(report["checksums"][name] for report in found.values()) == (right if name == "right" else 0)
    assert all(report["gaps"] == 0 for report in found.values())


@needs_data
@pytest.mark.parametrize(("venue", "name"), [("binance", "BINANCE"), ("binancecoinm", "BINANCE_DELIVERY")])
def test_a_captures_books_begin_with_its_rest_answers(venue: str, name: str) -> None:
    parts = [RAW / "cryptofeed" / f"{name}{part}.gz" for part in (".0", ".http.0.0", ".ws.1.0")]
    for order in (parts, [parts[0], parts[2], parts[1]]):
        for report in inspected(order, venue).values():
            book = report["book"]
            assert report["gaps"] == 0
            assert book["applied"] + book["dropped_old"] == report["events"]["book_delta"]
            assert book["bids"][0][0] < book["asks"][0][0]


def trade(number: int, **changes: Any) -> Trade:
    common: dict[str, Any] = {"instrument_id": "x:A/B", "ts_event": NOW + number, "ts_received": NOW}
    common |= {"price": 1.0, "size": 1.0}
    return Trade(**(common | {"sequence": number, "trade_id": str(number)} | changes))


def one(*records: MarketEvent) -> dict[str, Any]:
    (found,) = TapeReport(records).result()["instruments"].values()
    return dict(found)


def test_holes_in_the_numbers_of_trades_are_gaps_and_repeats_are_not() -> None:
    assert one(*map(trade, (1, 2, 4, 3, 4, 5, 9)))["gaps"] == 2


def test_first_and_last_minute_count_too() -> None:
    found = one(trade(1), trade(2, ts_event=NOW + MINUTE), trade(3, ts_event=NOW + MINUTE - 1, price=2.0))
    assert [(bar["open_ms"], bar["close"], bar["trades"]) for bar in found["bars_1m"]] == [
        (NOW // MILLISECOND, 2.0, 2),
        ((NOW + MINUTE) // MILLISECOND, 1.0, 1),
    ]


def test_what_is_not_of_the_market_is_named_and_left_out() -> None:
    found = one(trade(1, market=False), trade(2, market=False, trade_id="x"))
    assert (found["not_market_trades"], found["bars_1m"], found["events"]) == ([1, "x"], [], {"trade": 2})


def test_a_settlement_is_where_the_next_one_changes() -> None:
    common: dict[str, Any] = {"instrument_id": "x:A/B", "ts_received": NOW, "rate": 0.0}
    following = [None, NOW, NOW, None, NOW + MINUTE]
    found = one(*[FundingRate(ts_event=NOW + i, next_funding=ts, **common) for i, ts in enumerate(following)])
    ms = NOW // MILLISECOND
    assert found["funding_settlements"] == [{"at_ms": ms, "old_ms": ms, "new_ms": ms + 60_000}]


def test_what_is_ours_does_not_count_and_what_is_unreadable_is_told() -> None:
    malformed = [Malformed(feed="x", offset=n, raw=b"", reason="", ts_received=0) for n in (1, 2)]
    beat = Heartbeat(instrument_id="x:A/B", ts_event=NOW, ts_received=NOW, source="s")
    report = TapeReport([*malformed, beat, trade(1)])
    assert (report.malformed, report.first_malformed) == (2, malformed[0])
    assert report.instruments["x:A/B"].events == {"trade": 1}
