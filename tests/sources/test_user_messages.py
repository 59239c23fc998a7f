"""What a user's own messages may look like."""

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import DecodeError, encode
from schemas.market import (
    CONTROL,
    BookSnapshot,
    ExchangeBar,
    InstrumentDefinition,
    Liquidation,
    MarketEvent,
    Trade,
)
from schemas.time import MILLISECOND, MINUTE, SECOND
from sources.user_messages import KINDS, MessageReader

NOW = 1_723_161_600 * SECOND
TRADE = {"instrument_id": "my:BTC/USDT", "ts_event": NOW - SECOND, "price": 61000.5, "size": 0.25}


DOCUMENTATION = Path(__file__).resolve().parents[2] / "docs/own-topics.md"


def read(kind: str, message: object, ts_message: int = NOW - MILLISECOND) -> MarketEvent:
    return MessageReader(kind).read(json.dumps(message).encode(), ts_message, NOW)


def test_a_trade_needs_neither_type_nor_time_of_receipt() -> None:
    expected = Trade(
        instrument_id="my:BTC/USDT", ts_event=NOW - SECOND, ts_received=NOW - MILLISECOND, price=61000.5, size=0.25
    )
    assert read("trades", TRADE) == expected
    assert read("trades", {**TRADE, "type": "trade", "ts_received": NOW}).ts_received == NOW


@pytest.mark.parametrize(
    ("kind", "more", "expected"),
    [
        (
            "books",
            {"type": "book_snapshot", "bid_prices": [1], "bid_sizes": [2], "ask_prices": [3], "ask_sizes": [4]},
            BookSnapshot,
        ),
        ("derivatives", {"type": "liquidation", "side": "sell", "price": 1, "size": 2}, Liquidation),
        ("instruments", {"kind": "spot", "base": "BTC", "quote": "USDT"}, InstrumentDefinition),
        (
            "bars",
            {"timeframe": "1m", "ts_open": NOW - MINUTE, "open": 1, "high": 2, "low": 1, "close": 2, "volume": 3},
            ExchangeBar,
        ),
    ],
)
def test_every_kind_has_its_records(kind: str, more: dict[str, Any], expected: type[MarketEvent]) -> None:
    assert isinstance(read(kind, {"instrument_id": "my:BTC/USDT", "ts_event": NOW, **more}), expected)


def test_every_message_of_the_documentation_is_one() -> None:
    shown = re.findall(r"### (\w+)\n\n```json\n(.*?)```", DOCUMENTATION.read_text(), re.DOTALL)
    records = {kind: [type(read(kind, json.loads(line))) for line in text.splitlines()] for kind, text in shown}
    assert records == {kind: list(types) for kind, types in KINDS.items()}


def test_metrics_are_of_the_control_key_whatever_they_say() -> None:
    metric = {"type": "external_metric", "ts_event": NOW, "metric": "fear_greed", "value": 5}
    for key in ({}, {"instrument_id": "my:BTC/USDT"}):
        assert read("metrics", metric | key).instrument_id == CONTROL


@pytest.mark.parametrize(
    ("kind", "message", "reason"),
    [
        ("metrics", {"type": "external_metric", "ts_event": NOW, "metric": "x", "value": 5}, r"at `\$.metric`"),
        (
            "metrics",
            {"type": "external_metric", "ts_event": NOW, "metric": "fear_greed", "value": -1},
            "value -1.0: fear_greed goes from 0.0 to 100.0",
        ),
        ("trades", {**TRADE, "price": 0}, r"Expected `float` >= 1e-18 - at `\$.price`"),
        ("trades", {**TRADE, "ts_event": 1_723_161_600_000}, r"Expected `int` >= 1\d+ - at `\$.ts_event`"),
        ("trades", {"instrument_id": "my:BTC/USDT"}, "missing required field `ts_event`"),
        ("trades", [TRADE], "Expected `object`, got `array`"),
        ("trades", {**TRADE, "type": "quote"}, r"\$.type is 'quote', expected trade in a topic of trades"),
        ("trades", {**TRADE, "type": ["trade"]}, r"\$.type is \['trade'\], expected trade"),
        ("books", TRADE, r"\$.type is missing, expected quote or book_snapshot or book_delta in a topic of books"),
        ("trades", {**TRADE, "instrument_id": "BTCUSDT"}, r"\$.instrument_id is 'BTCUSDT', expected venue:symbol"),
        ("trades", {**TRADE, "instrument_id": "candlewick:control"}, r"\$.instrument_id is 'candlewick:control'"),
        ("trades", {**TRADE, "ts_received": NOW + 7 * SECOND}, r"\$.ts_received is from the future: 7.000 s ahead"),
    ],
)
def test_what_is_refused_and_why(kind: str, message: object, reason: str) -> None:
    with pytest.raises(DecodeError, match=reason):
        read(kind, message)


def test_a_message_without_time_anywhere_is_refused() -> None:
    with pytest.raises(DecodeError, match=r"at `\$.ts_received`"):
        read("trades", TRADE, ts_message=-MILLISECOND)


def test_no_value_is_refused() -> None:
    with pytest.raises(DecodeError, match="the message has no value"):
        MessageReader("trades").read(None, NOW, NOW)


@given(st.sampled_from(list(KINDS)), st.binary() | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*TRADE, "type", "x"]), inner),
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_any_bytes_give_a_record_that_can_be_written_or_a_reason(kind: str, value: bytes) -> None:
    with suppress(DecodeError):
        assert encode(MessageReader(kind).read(value, NOW, NOW))
