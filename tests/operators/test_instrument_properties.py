"""What holds of the per-instrument step whatever comes: bytes, disorder, crashes, and a future that is not known."""

import csv
import gzip
import json
from base64 import b64decode
from functools import cache
from random import Random
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.closed import Closed
from operators.config import InstrumentConfig
from operators.instrument import Instrument
from schemas.batches import Batch
from schemas.codec import encode
from schemas.market import MarketEvent, Quote, Trade
from schemas.results import Bar, DeadLetter
from schemas.time import MILLISECOND, MINUTE, SECOND
from schemas.topics import Outgoing
from sources.malformed import Malformed
from sources.sequencer import sequence
from sources.tapes.tape import open_tapes
from tests.data import DATA, needs_data
from tests.operators.support import (
    ID,
    LATER,
    QUICK,
    START,
    bars,
    beats,
    delta,
    exchange_bar,
    gaps,
    in_order,
    ns,
    quote,
    run,
    snapshot,
    told,
    trade,
    vectors,
)

TAPES: Final = {
    "2023": ("binance_2023-04-05_funding", ["usdm_btcusdt_20230404.dat.gz", "usdm_btcusdt_20230405.dat.gz"]),
    "2024": ("binance_2024-08-08", ["usdm_btcusdt_20240808.gz"]),
}
PRICES: Final = ("open", "high", "low", "close")


EMPTY_BOOK: Final[dict[str, Any]] = {"bid_prices": [], "bid_sizes": [], "ask_prices": [], "ask_sizes": []}
OTHERS: Final[list[dict[str, Any]]] = [
    {"type": "instrument", "kind": "perpetual", "base": "B", "quote": "Q", "tick_size": 0.1, "funding_interval": 5},
    {"type": "mark_price", "price": 5.0, "index_price": 4.0, "funding_rate": 0.1, "next_funding": START},
    {"type": "funding_rate", "rate": 0.1, "next_funding": START, "interval": 5},
    {"type": "open_interest", "open_interest": 5.0},
    {"type": "liquidation", "side": "buy", "price": 5.0, "size": 5.0},
    {"type": "tape_end", "source": "x"},
    {"type": "book_snapshot", "depth": 5, "maintained": True, "checksum": 1, "sequence": 0, **EMPTY_BOOK},
]


def stamped(at: float) -> dict[str, Any]:
    return {"instrument_id": ID, "ts_event": ns(at), "ts_received": ns(at)}


@cache
def tape(name: str) -> tuple[MarketEvent, ...]:
    """A recording of the perpetual, as the log would hold its records."""
    folder, files = TAPES[name]
    tapes = open_tapes([([DATA / "ws_raw" / folder / file for file in files], "binanceusdm")])
    records = (item for item in sequence(*tapes, source="tape") if not isinstance(item, Malformed))
    return tuple(record for record in records if record.instrument_id == ID)


def restarted(events: tuple[MarketEvent, ...] | list[MarketEvent], cuts: list[int]) -> list[Outgoing | Closed]:
    """What comes out if the step dies at each of ``cuts`` and goes on from its state."""
    config = InstrumentConfig()
    instrument, out = Instrument(ID, config), list[Outgoing | Closed]()
    for begin, end in zip([0, *cuts], [*cuts, len(events)], strict=True):
        instrument = Instrument.restored(instrument.state(), config)
        out += run(events[begin:end], instrument=instrument)
    return out


def everything() -> list[MarketEvent]:
    """A short stream in which each kind of trouble comes up."""
    history = [exchange_bar(60 * i, 100.0 + i % 3) for i in range(-20, 1)]
    trades = [trade(i / 2, 100.0 + i % 3, number=i + 1, side=("buy", "sell", None)[i % 3]) for i in range(700)]
    del trades[230:233]
    trades += [trade(i, 7.0, 0.5, trade_id=f"name {i}") for i in range(0, 340, 17)]
    quotes = [quote(i / 3, 99.0 + i % 2, 101.0 + i % 3, (1.0 + i % 4, 2.0), number=i + 1) for i in range(1_000)]
    deltas = [delta(i / 2, [(90.0 + i % 9, float(i % 4))], [(110.0 - i % 9, 1.0)], first=i, last=i) for i in range(690)]
    del deltas[100:103]
    books = [snapshot(t, [(95.0, 1.0)], [(105.0, 1.0)], sequence=s) for t, s in ((3.2, 4), (80.3, 160), (200.4, 402))]
    late = [
        msgspec.structs.replace(trade(t, 500.0, trade_id=f"late {t}"), ts_received=START + 190 * SECOND)
        for t in (61, 100)
    ]
    silent = [*beats(0.25, 140), *beats(141, 150, 1, connected=False), *beats(160, 345)]
    others = [msgspec.convert({**other, **stamped(t)}, MarketEvent) for t in (0.1, 50, 200) for other in OTHERS[:5]]
    return [*history, *in_order(silent, trades, quotes, deltas, books, late, others)]


def test_the_short_stream_has_all_of_it() -> None:
    out = run(everything())
    assert {gap.kind for gap in gaps(out)} == {
        "trade_sequence", "book_sequence", "book_resync", "disconnected", "late",
    }  # fmt: skip
    assert {bar.origin for bar in bars(out)} == {"trades", "exchange"}
    assert {bar.revision for bar in bars(out, revision=None)} == {0, 1}
    assert len(vectors(out)) > 20


def test_a_restart_at_every_single_record_changes_no_byte() -> None:
    events = everything()
    assert restarted(events, list(range(1, len(events)))) == run(events)


@needs_data
@pytest.mark.parametrize("name", TAPES)
def test_restarts_in_a_real_stream_change_no_byte(name: str) -> None:
    events = tape(name)[:20_000]
    cuts = sorted(Random(name).sample(range(1, len(events)), 100))  # noqa: S311, no secret
    assert restarted(events, cuts) == run(events)


@needs_data
def test_what_was_said_does_not_depend_on_what_comes_later() -> None:
    events, other = tape("2024")[:25_000], tape("2024")[40_000:50_000]
    whole = run(events)
    for cut in (7_000, 21_345):
        said = run(events[:cut])
        assert whole[: len(said)] == said
        dearer = [
            msgspec.structs.replace(event, price=2.0 * event.price) if isinstance(event, Trade) else event
            for event in other
        ]
        assert run([*events[:cut], *dearer])[: len(said)] == said


@needs_data
def test_bars_of_a_real_tape_are_those_worked_out_from_it() -> None:
    for name, file in (("2023", "binance_2023-04-05_usdm_btcusdt"), ("2024", "binance_2024-08-08_usdm_btcusdt")):
        facts = json.loads((DATA / "facts" / f"{file}.json").read_text())
        wanted = {bar["open_ms"] * MILLISECOND: bar for bar in facts["bars_1m_by_trade_time"]}
        found = bars(run(tape(name)))
        assert len(found) >= len(wanted) - 2
        for bar in found:
            right = wanted[bar.ts_open]
            assert [bar.open, bar.high, bar.low, bar.close] == [float(right[x]) for x in PRICES]
            assert bar.volume == pytest.approx(float(right["volume"]), rel=1e-9)
            assert bar.trades == right["trades"]


@needs_data
def test_quotes_of_bars_of_a_real_tape_are_its_first_lowest_highest_and_last() -> None:
    quotes = [event for event in tape("2024") if isinstance(event, Quote)]
    for bar in bars(run(tape("2024")))[1:]:
        inside = [event for event in quotes if bar.ts_open <= event.ts_event < bar.ts_close]
        inside.sort(key=lambda event: (event.ts_event, event.sequence))
        for name in ("bid", "ask"):
            prices = [getattr(event, f"{name}_price") for event in inside]
            found = [getattr(bar, f"{name}_{what}") for what in ("first", "low", "high", "last")]
            assert found == [prices[0], min(prices), max(prices), prices[-1]]


@needs_data
def test_the_five_minutes_that_the_exchange_has_published() -> None:
    file = DATA / "bars_nolicense/binance_um_5m_2023-01_2024-05/BTCUSDT_5m.csv.gz"
    with gzip.open(file, "rt") as lines:
        (right,) = [row for row in csv.DictReader(lines) if row["ts_ms"] == "1680652800000"]
    (bar,) = [bar for bar in bars(run(tape("2023")), "5m") if bar.ts_open == 1680652800000 * MILLISECOND]
    assert [bar.open, bar.high, bar.low, bar.close] == [float(right[x]) for x in PRICES]
    assert bar.volume == pytest.approx(float(right["volume"]), rel=1e-9)
    assert [bar.open, bar.high, bar.low, bar.close] == [28155.1, 28159.2, 28140.0, 28140.6]


@needs_data
def test_a_second_ingesters_copy_of_a_real_stream_changes_no_byte() -> None:
    events, lag = tape("2024")[:20_000], 300
    both: list[MarketEvent] = []
    for i, event in enumerate(events):
        both += [event] if i < lag else [event, events[i - lag]]
    assert run(both) == run(events)


@needs_data
def test_the_state_beside_the_book_is_small() -> None:
    events = tape("2024")
    for end in range(20_000, len(events), 20_000):
        instrument = Instrument(ID, InstrumentConfig())
        run(events[:end], instrument=instrument)
        book = sum(len(part) for side in ("bids", "asks") for part in instrument._quoting.book.state()[side])
        assert len(instrument.state()) - book < 65_536


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
BYTES = (
    st.binary(max_size=80) | st.text(max_size=40).map(str.encode) | JSON.map(lambda value: json.dumps(value).encode())
)


@QUICK
@given(values=st.lists(BYTES, max_size=8))
def test_any_bytes_become_exactly_one_dead_letter_each(values: list[bytes]) -> None:
    out = Instrument(ID, InstrumentConfig()).on_batch(Batch(ID, 5, [(i, 1, value) for i, value in enumerate(values)]))
    letters = told(out, DeadLetter)
    assert len(out) == len(letters) == len(values)
    assert [(letter.topic, letter.partition, letter.offset) for letter in letters] == [
        ("market.events", 5, i) for i in range(len(values))
    ]
    assert all(letter.reason for letter in letters)


@pytest.mark.parametrize(
    "value",
    [
        b"", b"null", b"[]", b"{}", b"[" * 200_000, b'{"type":' * 50_000, b"\xef\xbb\xbf{}", b'{"type":"trade"', b"NaN",
        b'{"type":"unheard of"}', b'{"type":"trade","type":"quote"}', b"9" * 5_000, b'{"type":"trade","price":1e999}',
        encode(trade(1, 5.0)) + b" x", encode(trade(1, 5.0)).replace(b"5.0", b"NaN"), b"\xed\xa0\x80",
        encode(trade(1, 5.0, number=1)).replace(b'"sequence":1', b'"sequence":18446744073709551616'),
        encode(snapshot(1, [(5.0, 1.0)], [])).replace(b'"bid_sizes":[1.0]', b'"bid_sizes":[]'),
    ],
)  # fmt: skip
def test_known_oddities_become_dead_letters(value: bytes) -> None:
    (letter,) = told(Instrument(ID, InstrumentConfig()).on_batch(Batch(ID, 5, [(1, 1, value)])), DeadLetter)
    assert b64decode(letter.value or "") == value
    assert len(letter.reason) < 300


NUMBERS = st.one_of(
    st.sampled_from([0, -1, 1, 5e-324, 1e-300, 1e14, 9.99e17, 2**31, 2**63 - 1, 2**63, 2**64, 10**30, 0.5, "1", None]),
    st.sampled_from([START, START + MINUTE, START - 3_000 * 86_400 * SECOND, START + 20_000 * 86_400 * SECOND]),
    st.integers(-5, 300).map(lambda s: START + s * SECOND),
)
TEMPLATES: Final[list[dict[str, Any]]] = [json.loads(encode(event)) for event in everything()[::97]] + [
    {**stamped(0), **other} for other in OTHERS
]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A valid record in which a few fields are others, are missing, or are of another record."""
    record: dict[str, Any] = dict(draw(st.sampled_from(TEMPLATES)))
    for _ in range(draw(st.integers(0, 3))):
        field = draw(st.sampled_from(sorted(record)))
        match draw(st.sampled_from(["number", "drop", "list", "text", "swap"])):
            case "number" if not isinstance(record[field], str):
                record[field] = draw(NUMBERS)
            case "drop":
                del record[field]
            case "list":
                record[field] = [draw(NUMBERS) for _ in range(draw(st.integers(0, 3)))]
            case "text" if field != "type":
                record[field] = draw(st.sampled_from([ID, "", "\x00", "ü\U0001f56f", "9" * 64, "buy", "1d"]))
            case "swap":
                record |= dict(draw(st.sampled_from(TEMPLATES)))
            case _:
                pass
        if not record:
            break
    if draw(st.booleans()):  # so that late and early ones are believed
        record["ts_received"] = max(record.get("ts_received") or 0, record.get("ts_event") or 0, key=_number)
    return json.dumps(record).encode()


def _number(value: Any) -> float:
    return value if isinstance(value, (int, float)) else 0


@QUICK
@given(values=st.lists(mutated(), max_size=30), cut=st.integers(0, 30))
def test_whatever_looks_valid_is_taken_or_refused_and_the_step_goes_on(values: list[bytes], cut: int) -> None:
    config = InstrumentConfig(book_depth=50)
    messages = [(i, LATER, value) for i, value in enumerate(values)]
    instrument = Instrument(ID, config)
    out = instrument.on_batch(Batch(ID, 0, messages[:cut]))
    instrument = Instrument.restored(instrument.state(), config)
    out += instrument.on_batch(Batch(ID, 0, messages[cut:]))
    out += run(beats(400_000, 400_070, 1), instrument=instrument)
    assert len({letter.offset for letter in told(out, DeadLetter)}) == len(told(out, DeadLetter))
    identifiers = [sent.id for sent in out if isinstance(sent, Outgoing)]
    assert len(identifiers) == len(set(identifiers))
    assert all(bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in told(out, Bar))
    whole = Instrument(ID, config)
    again = whole.on_batch(Batch(ID, 0, messages)) + run(beats(400_000, 400_070, 1), instrument=whole)
    assert again == out
    assert whole.state() == instrument.state()
