import json
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from schemas.codec import DecodeError, decode_event, encode
from schemas.errors import CandlewickError
from schemas.market import MarketEvent
from tests.schemas.samples import RECORDS, records

TRADE: dict[str, Any] = {
    "type": "trade", "instrument_id": "binance:BTC/USDT", "ts_event": 1_700_000_000 * 10**9,
    "ts_received": 1_700_000_000 * 10**9, "price": 1.5, "size": 2.0,
}  # fmt: skip
BOOK: dict[str, Any] = {key: TRADE[key] for key in ("instrument_id", "ts_event", "ts_received")} | {
    "type": "book_delta", "bid_prices": [1.0], "bid_sizes": [1.0], "ask_prices": [], "ask_sizes": [],
}  # fmt: skip


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
def test_every_record_survives_the_wire(kind: type[Struct], data: st.DataObject) -> None:
    record = data.draw(records(kind))
    value = encode(record)
    again: Any = decode_event(value) if kind in get_args(MarketEvent) else msgspec.json.decode(value, type=kind)
    assert again == record
    assert encode(again) == value
    assert b"\n" not in value


@pytest.mark.parametrize(
    ("record", "place"),
    [
        (TRADE | {"price": 0}, "$.price"),
        (TRADE | {"price": "1.5"}, "$.price"),
        (TRADE | {"size": None}, "$.size"),
        (TRADE | {"type": "tirade"}, "$.type"),
        (TRADE | {"ts_event": 1_700_000_000_000}, "$.ts_event"),
        (TRADE | {"aggressor_side": "both"}, "$.aggressor_side"),
        (BOOK | {"bid_prices": [1.0, -1.0]}, "$.bid_prices[1]"),
        ({key: value for key, value in TRADE.items() if key != "price"}, "missing required field `price`"),
        ({key: value for key, value in TRADE.items() if key != "type"}, "missing required field `type`"),
        (BOOK | {"bid_sizes": []}, "bid_prices has 1 levels, bid_sizes 0"),
        ([TRADE], "Expected `object`, got `array`"),
    ],
)
def test_a_refusal_names_the_field(record: object, place: str) -> None:
    with pytest.raises(DecodeError) as refused:
        decode_event(json.dumps(record).encode())
    assert place in str(refused.value)
    assert "\n" not in str(refused.value)


_json = st.recursive(st.none() | st.floats() | st.text(), st.lists)


@given(value=st.binary() | _json.map(lambda value: json.dumps(value).encode()))
@settings(deadline=None)
def test_any_other_bytes_are_refused_and_nothing_else_happens(value: bytes) -> None:
    with pytest.raises(DecodeError):
        decode_event(value)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\xff\xfe",
        b"[" * 100_000,
        json.dumps(TRADE | {"extra": 0}).encode().replace(b'"extra": 0', b'"extra": ' + b"[" * 100_000),
        json.dumps(TRADE).encode().replace(b"1.5", b"NaN"),
        json.dumps(TRADE).encode().replace(b"1.5", b"1e999"),
        json.dumps(TRADE).encode().replace(b"binance:", b"\xff\xff"),
        json.dumps(TRADE).encode().replace(b"binance:", rb"\ud800"),
        json.dumps(TRADE).encode()[:-1],
        json.dumps(TRADE).encode() + b"{}",
    ],
    ids=range(10),
)
def test_hostile_bytes_are_refused(value: bytes) -> None:
    with pytest.raises(CandlewickError):
        decode_event(value)


def test_fields_of_a_newer_writer_are_passed_over() -> None:
    assert decode_event(json.dumps(TRADE | {"new": 1}).encode()) == decode_event(json.dumps(TRADE).encode())
