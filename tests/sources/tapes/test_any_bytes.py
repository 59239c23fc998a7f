"""Whatever a tape holds, it is read to its end, and every record that comes of it fits the log."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import decode_event, encode
from sources.malformed import Malformed
from sources.merge import Heard
from sources.sequencer import sequence
from sources.tapes.tape import open_tapes

MS = 1_720_000_000_000
TS = "1720000000.123456"

LEVELS = [["1.5", "2"], ["1.4", "0"]]
DEPTH = {"E": MS, "s": "BTCUSDT", "U": 1, "u": 2, "b": LEVELS, "a": []}
TRADE = {"s": "BTCUSDT", "t": 7, "p": "1.5", "q": "2", "T": MS, "m": True}
TOP = {"u": 1, "s": "BTCUSDT", "b": "1", "B": "1", "a": "2", "A": "1"}
MARK = {"s": "BTCUSDT", "E": MS, "p": "1", "i": "1", "r": "0.1", "T": MS}
REST = {"lastUpdateId": 5, "bids": LEVELS, "asks": []}
ORDER = {"s": "BTCUSDT", "S": "BUY", "p": "1", "q": "1", "T": MS}
INTEREST = {"symbol": "BTCUSDT", "openInterest": "12.5", "time": MS}
OKX_LEVELS = [["1.5", "2", "0", "1"]]
OKX_ROWS: dict[str, dict[str, Any]] = {
    "trades": {"tradeId": "7", "px": "1.5", "sz": "2", "side": "buy", "ts": str(MS)},
    "books": {"asks": OKX_LEVELS, "bids": OKX_LEVELS, "ts": str(MS), "checksum": -1, "seqId": 3, "prevSeqId": 2},
    "tickers": {"bidPx": "1", "bidSz": "1", "askPx": "2", "askSz": "1", "ts": str(MS)},
    "funding-rate": {"fundingRate": "0.1", "fundingTime": str(MS), "nextFundingTime": str(MS + 1), "ts": str(MS)},
    "mark-price": {"markPx": "1.5", "ts": str(MS)},
    "open-interest": {"oi": "1.5", "ts": str(MS)},
    "liquidation-orders": {
        "instId": "BTC-USD-SWAP", "details": [{"bkPx": "1", "sz": "1", "side": "sell", "ts": str(MS)}],
    },
}  # fmt: skip
SAMPLES: dict[str, list[Any]] = {
    "binanceusdm": [
        {"stream": "btcusdt@trade", "data": TRADE},
        {"stream": "btcusdt@bookTicker", "data": TOP},
        {"stream": "btcusdt@depth@100ms", "data": DEPTH | {"pu": 0}},
        {"stream": "btcusdt@depth5", "data": DEPTH},
        {"stream": "!markPrice@arr", "data": [MARK, MARK]},
        {"stream": "btcusdt@forceOrder", "data": {"o": ORDER}},
        {"id": 1, "result": None},
        REST,
        INTEREST,
    ],
    "binance": [{"stream": "btcusdt@depth", "data": DEPTH}, {"stream": "btcusdt@depth20", "data": REST}],
    "okx": [
        {"arg": {"channel": channel, "instId": "BTC-USD-SWAP"}, "action": "update", "data": [row]}
        for channel, row in OKX_ROWS.items()
    ],
    "kraken": [
        [1, [["1.5", "2", TS, "s", "l", ""]], "trade", "XBT/USD"],
        [1, {"as": [["2.5", "1", TS]], "bs": [["1.5", "2", TS]]}, "book-10", "XBT/USD"],
        [1, {"a": [["2.5", "0", TS]]}, {"b": [["1.5", "2", TS, "r"]], "c": "17"}, "book-10", "XBT/USD"],
        [1, ["1", "2", TS, "1", "1"], "spread", "XBT/USD"],
        {"event": "heartbeat"},
    ],
}
ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=5), st.just([]), st.just({}),
    st.sampled_from(["0", "-1", "1e400", "nan", "1e-300", "x" * 300, MS * 10, 10**400, [[]], {"a": 1}]),
)  # fmt: skip


@st.composite
def changed(draw: st.DrawFn, value: Any) -> Any:
    """``value`` with one thing inside it put in place of another, left out or doubled."""
    inside = isinstance(value, (dict, list)) and value and draw(st.booleans() | st.booleans())
    if not inside:
        return draw(ANYTHING)
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = draw(st.sampled_from(keys))
    copy = value.copy()
    match draw(st.sampled_from(["change", "change", "change", "drop", "double"])):
        case "drop":
            del copy[key]
        case "double" if isinstance(copy, list):
            copy.insert(key, copy[key])
        case _:
            copy[key] = draw(changed(value[key]))
    return copy


def lines(venue: str) -> st.SearchStrategy[list[bytes]]:
    sample = st.sampled_from(SAMPLES[venue])
    message = st.one_of(sample, sample.flatmap(changed)).map(lambda value: json.dumps(value).encode())
    known = st.one_of(
        message.map(lambda text: b"1720000000123456789 " + text),
        message.map(lambda text: b"1720000000.5: " + text),
        message.map(lambda text: b"wss://x?streams=btcusdt@trade <- 1720000000.5: " + text),
        message.map(lambda text: b"https://x/depth?symbol=BTCUSDT&limit=10 -> 1720000000.5: " + text),
        message.map(lambda text: b"https://x/instruments -> 1720000000.5: " + text),
        message.map(lambda text: b"https://x/AssetPairs -> 1720000000.5: " + text),
        message.map(lambda text: b"https://x/exchangeInfo -> 1720000000.5: " + text),
        message,
        st.binary(max_size=30),
    )
    return st.lists(known, min_size=1, max_size=12)


@settings(deadline=None, max_examples=400)
@given(st.sampled_from(list(SAMPLES)).flatmap(lambda venue: st.tuples(st.just(venue), lines(venue))))
def test_nothing_stops_a_tape_and_every_record_fits_the_log(given_tape: tuple[str, list[bytes]]) -> None:
    venue, content = given_tape
    with TemporaryDirectory() as folder:
        path = Path(folder) / "tape"
        path.write_bytes(b"begin\n" + b"\n".join(content))
        items = list(open_tapes([([path], venue)])[0])
        for record in sequence(items, source="test"):
            assert isinstance(record, (Malformed, Heard)) or decode_event(encode(record)) == record
