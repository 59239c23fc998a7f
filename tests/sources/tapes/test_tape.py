"""Tapes of every line format, with what is wrong in them."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from schemas.codec import encode
from schemas.market import BookSnapshot, InstrumentDefinition, MarketEvent, Quote
from schemas.time import MILLISECOND, SECOND
from sources.malformed import Malformed
from sources.merge import Heard, Item
from sources.sequencer import sequence
from sources.tapes.errors import TapeError
from sources.tapes.tape import Tape, open_tapes

MS = 1_720_000_000_000
NOW = MS * MILLISECOND


def quote(symbol: str = "BTCUSDT", number: int = 1) -> dict[str, Any]:
    wire = {"u": number, "s": symbol, "b": "1", "B": "1", "a": "2", "A": "1", "E": MS, "T": MS}
    return {"stream": f"{symbol.lower()}@bookTicker", "data": wire}


SNAPSHOT = {"lastUpdateId": 5, "E": MS, "T": MS, "bids": [["1", "1"]], "asks": [["2", "1"]]}


def line(message: Any, ts: int = NOW) -> bytes:
    return f"{ts} {json.dumps(message)}".encode()


def tape(tmp_path: Path, *lines: bytes, venue: str | None = "binanceusdm") -> Tape:
    path = tmp_path / "tape"
    path.write_bytes(b"\n".join(lines))
    return open_tapes([([path], venue)])[0]


def records(items: list[Item]) -> list[MarketEvent]:
    return [item for item in items if not isinstance(item, (Malformed, Heard, InstrumentDefinition))]


def test_receive_times_are_told_apart_by_their_magnitude(tmp_path: Path) -> None:
    stamps = (NOW, NOW // 1_000)
    found = records(list(tape(tmp_path, *[line(quote(), ts) for ts in stamps])))
    assert [record.ts_received for record in found] == [NOW, NOW]


@pytest.mark.parametrize("stamp", [MS, 17, NOW * 100, -NOW])
def test_a_receive_time_that_cannot_be_is_malformed(tmp_path: Path, stamp: int) -> None:
    (found,) = tape(tmp_path, line(quote(), stamp))
    assert isinstance(found, Malformed)


def test_a_capture_holds_connections_requests_answers_and_messages(tmp_path: Path) -> None:
    url = b"wss://fstream.binance.com/stream?streams=ethusdt@bookTicker/btcusdt@kline_1m"
    lines = [
        b"configuration: {}",
        url + b" <-> 1720000000.5",
        b"wss://x <- 1720000000.5: " + b'{"method":"SUBSCRIBE","params":["xrpusdt@trade"],"id":1}',
        b"https://x/fapi/v1/depth?symbol=BTCUSDT&limit=50 -> 1720000001.25: " + json.dumps(SNAPSHOT).encode(),
        b"1720000002.1234567: " + json.dumps(quote()).encode(),
        b"",
    ]
    items = list(tape(tmp_path, *lines))
    defined = [item.instrument_id for item in items if isinstance(item, InstrumentDefinition)]
    assert [name.partition(":")[2] for name in defined] == ["ETH/USDT:USDT", "XRP/USDT:USDT", "BTC/USDT:USDT"]
    snapshot, best = records(items)
    assert isinstance(snapshot, BookSnapshot)
    assert (snapshot.depth, snapshot.sequence, snapshot.ts_received) == (50, 5, 1_720_000_001_250_000_000)
    assert best.ts_received == 1_720_000_002_123_456_700


def test_a_book_snapshot_without_symbol_is_of_the_only_one_in_its_file(tmp_path: Path) -> None:
    for place in range(3):
        lines = [line(quote()), line(quote(number=2))]
        lines.insert(place, line(SNAPSHOT))
        items = list(tape(tmp_path, *lines))
        found = records(items)
        assert isinstance(found[place], BookSnapshot)
        assert {record.instrument_id for record in found} == {"binanceusdm:BTC/USDT:USDT"}
        assert isinstance(items[0], Heard if place == 0 else InstrumentDefinition)


def test_a_book_snapshot_without_symbol_is_malformed_where_it_could_be_of_several_or_of_none(tmp_path: Path) -> None:
    several = list(tape(tmp_path, line(quote()), line(quote("ETHUSDT")), line(SNAPSHOT)))
    for items in (several, list(tape(tmp_path, line(SNAPSHOT)))):
        assert isinstance(items[-1], Malformed)
        assert "without a symbol" in items[-1].reason


def test_each_file_has_an_only_symbol_of_its_own(tmp_path: Path) -> None:
    paths = [tmp_path / symbol for symbol in ("BTCUSDT", "ETHUSDT")]
    for path in paths:
        path.write_bytes(b"\n".join((line(SNAPSHOT), line(quote(path.name)))))
    found = records(list(open_tapes([(paths, "binanceusdm")])[0]))
    assert [type(record) for record in found] == [BookSnapshot, Quote] * 2
    assert found[2].instrument_id == "binanceusdm:ETH/USDT:USDT"


def test_of_a_message_that_is_half_right_nothing_is_believed(tmp_path: Path) -> None:
    """Neither its times nor that its first instrument is there."""
    wire = {"E": MS + 4_000, "s": "ETHUSDT", "p": "1", "i": "1", "r": "0.1", "T": MS}
    several = {"stream": "!markPrice@arr", "data": [wire, wire | {"p": "none"}]}
    bare = quote()
    del bare["data"]["E"]
    first, malformed, second, third, fourth = tape(
        tmp_path, line(several, NOW + SECOND), line(bare, NOW + 2 * SECOND), line(quote("ETHUSDT"), NOW + 3 * SECOND)
    )
    assert isinstance(first, Malformed), malformed
    assert first.ts_received == 0
    assert isinstance(malformed, InstrumentDefinition)
    assert (second.ts_received, isinstance(second, Quote) and second.ts_event) == (NOW + 2 * SECOND, NOW + 2 * SECOND)
    assert isinstance(third, InstrumentDefinition)
    assert (third.instrument_id, third.ts_received) == ("binanceusdm:ETH/USDT:USDT", NOW + 3 * SECOND)
    assert isinstance(fourth, Quote)


def test_what_cannot_be_read_stands_in_its_place_and_stops_nothing(tmp_path: Path) -> None:
    bad = [
        b"\xff\xfe",
        b"hello",
        b'{"a":1}',
        line([]),
        line({"stream": "btcusdt@trade", "data": {}}),
        b"https://x -> ?",
    ]
    bad += [b'{"type":"trade"}', line(quote("NOTHING")), b"wss://x <- 1720000000.0: [", b"1720000000.0: {"]
    items = list(tape(tmp_path, line(quote()), *bad, line(quote())))
    kinds = [Malformed if isinstance(item, Malformed) else Quote for item in items[1:]]
    assert kinds == [Quote, *[Malformed] * len(bad), Quote]
    for number, (item, raw) in enumerate(zip(items[2:-1], bad, strict=True), 2):
        assert isinstance(item, Malformed)
        assert (item.place, item.raw, item.ts_received) == (f"{tmp_path}/tape:{number}", raw, NOW)
        assert item.reason


def test_a_packed_file_cut_short_is_malformed_at_its_end_and_the_next_part_goes_on(tmp_path: Path) -> None:
    first, second = tmp_path / "1.gz", tmp_path / "2.gz"
    whole = gzip.compress(b"\n".join(line(quote(number=number), NOW + number) for number in range(2_000)))
    first.write_bytes(whole[:-20])
    second.write_bytes(gzip.compress(line(quote(number=9_999))))
    items = list(open_tapes([([first, second], "binanceusdm")])[0])
    (damage,) = [item for item in items if isinstance(item, Malformed)]
    assert "cut short" in damage.reason
    number = items.index(damage)
    assert damage.place == f"{first}:{number}"  # as many lines before it as records, and the definition
    assert isinstance(items[-1], Quote)
    assert items[-1].sequence == 9_999


def test_candlewicks_own_recording_is_read_whatever_the_venue(tmp_path: Path) -> None:
    log = [
        item
        for item in sequence(tape(tmp_path, line(quote()), line(quote(number=2), NOW + SECOND)), source="x")
        if not isinstance(item, Malformed)
    ]
    assert len(log) > 5
    recording = tape(tmp_path, *[encode(record) for record in log], b'{"type":"quote"}', venue=None)
    assert recording.recorded
    *again, malformed = recording
    assert again == log
    assert isinstance(malformed, Malformed)


def test_lines_without_a_record_prove_once_a_second_that_somebody_listened(tmp_path: Path) -> None:
    lines = [line({"stream": "btcusdt@kline_1m", "data": {}}, NOW + tenth * SECOND // 10) for tenth in range(30)]
    heard = [item for item in tape(tmp_path, *lines) if isinstance(item, Heard)]
    assert [item.ts_received - NOW for item in heard] == [0, SECOND, 2 * SECOND]


def test_what_keeps_a_tape_from_being_read_is_one_clear_line(tmp_path: Path) -> None:
    raw, blank = tmp_path / "raw", tmp_path / "blank"
    raw.write_bytes(line(quote()))
    blank.write_bytes(gzip.compress(b"\n \n"))
    with pytest.raises(TapeError, match="venue 'nyse' is not known, only binance, "):
        open_tapes([([raw], "nyse")])
    with pytest.raises(TapeError, match="say of which venue"):
        open_tapes([([raw], None)])
    with pytest.raises(TapeError, match="at least one file"):
        open_tapes([([], "okx")])
    with pytest.raises(TapeError, match="no line in it"):
        open_tapes([([raw, blank], "okx")])


def test_progress_can_be_followed(tmp_path: Path) -> None:
    found = tape(tmp_path, line(quote()), line(quote()))
    assert (found.read, found.size) == (0, (tmp_path / "tape").stat().st_size)
    list(found)
    assert found.read == found.size
