"""Inputs as one ordered stream: parts of a tape, tapes recorded side by side, own recordings."""

import gzip
from itertools import pairwise
from pathlib import Path

import pytest

from flows.errors import FlowError
from flows.feeds import recorded_feed, simulated_feed
from flows.ingest import Recorder, ingest
from schemas.market import CONTROL, ExchangeBar, Heartbeat, Membership, TapeEnd, Trade
from schemas.time import HOUR, SECOND
from sources.malformed import Malformed
from sources.simulator import Faults, Simulator, SimulatorConfig
from sources.simulator.faults import Garbage
from sources.tapes.errors import TapeError
from tests.data import DATA, needs_data

_START = 1_723_161_600 * SECOND


def trade_line(received: int, symbol: str, number: int) -> str:
    """A line of a Binance spot recording."""
    body = f'"e":"trade","E":{received // 10**6},"s":"{symbol}","t":{number},"p":"2.5","q":"1","T":{received // 10**6}'
    return f'{received} {{"stream":"{symbol.lower()}@trade","data":{{{body},"m":true,"M":true}}}}\n'


def write_tape(path: Path, symbol: str, begin: int, seconds: int) -> str:
    """A recording with a trade a second; its path as a user writes it."""
    lines = [trade_line(_START + (begin + n) * SECOND, symbol, begin + n) for n in range(seconds)]
    path.write_text("".join(lines))
    return str(path)


def test_files_that_follow_one_another_are_one_tape(tmp_path: Path) -> None:
    """One end, and no silence between them."""
    parts = [write_tape(tmp_path / "a", "BTCUSDT", 0, 10), write_tape(tmp_path / "b", "BTCUSDT", 10, 10)]
    items = list(recorded_feed(parts, "binance").items)
    assert [item.sequence for item in items if isinstance(item, Trade)] == list(range(20))
    assert sum(isinstance(item, TapeEnd) for item in items) == 1


def test_files_that_overlap_are_merged_by_receipt(tmp_path: Path) -> None:
    """Both instruments are members for as long as the longer one runs."""
    files = [write_tape(tmp_path / "a", "BTCUSDT", 0, 20), write_tape(tmp_path / "b", "ETHUSDT", 5, 5)]
    items = list(recorded_feed(files, "binance").items)
    received = [item.ts_received for item in items]
    assert received == sorted(received)
    assert {item.instrument_id for item in items if isinstance(item, TapeEnd)} == {
        "binance:BTC/USDT",
        "binance:ETH/USDT",
    }
    memberships = [item.instrument_ids for item in items if isinstance(item, Membership)]
    assert memberships[-2:] == [["binance:BTC/USDT", "binance:ETH/USDT"], []]
    ended = [i for i in items if isinstance(i, Heartbeat) and i.instrument_id == "binance:ETH/USDT" and not i.connected]
    assert ended


@pytest.mark.parametrize("ahead", [30 * SECOND, HOUR, -HOUR])
@pytest.mark.parametrize("place", [0, 1, 7, 19, 20])
def test_a_line_that_is_not_believed_moves_no_clock(tmp_path: Path, ahead: int, place: int) -> None:
    """Whatever time stands before garbage, all else comes as without it."""
    files = [write_tape(tmp_path / "a", "BTCUSDT", 0, 20), write_tape(tmp_path / "b", "ETHUSDT", 5, 10)]
    without = list(recorded_feed(files, "binance").items)
    for garbage in ("garbage", '{"stream":"btcusdt@trade","data":{"s":"BTCUSDT"}}'):
        lines = Path(files[0]).read_text().splitlines(keepends=True)
        lines.insert(place, f"{_START + place * SECOND + ahead} {garbage}\n")
        spoilt = tmp_path / "spoilt"
        spoilt.write_text("".join(lines))
        items = list(recorded_feed([str(spoilt), files[1]], "binance").items)
        assert [item for item in items if not isinstance(item, Malformed)] == without
        assert len(items) == len(without) + 1


def test_venues_side_by_side(tmp_path: Path) -> None:
    """VENUE=PATH names the venue of one file."""
    spot, perpetual = write_tape(tmp_path / "a", "BTCUSDT", 0, 5), write_tape(tmp_path / "b", "BTCUSDT", 0, 5)
    items = recorded_feed([f"binance={spot}", f"binanceusdm={perpetual}"], None).items
    assert {item.instrument_id for item in items if isinstance(item, Trade)} == {
        "binance:BTC/USDT", "binanceusdm:BTC/USDT:USDT",
    }  # fmt: skip


def test_a_recording_is_handed_on_as_it_is(tmp_path: Path) -> None:
    """What was recorded is what is read, to the byte, garbage included."""
    faults = Faults(garbage=Garbage(at=(0, 5, 10)))
    config = SimulatorConfig(seed=3, start=_START, duration=20 * SECOND, faults=faults)
    path = tmp_path / "market.jsonl.gz"
    with Recorder(path) as recorder:
        ingest(simulated_feed(Simulator(config)).items, recorder)
    again = tmp_path / "again.jsonl.gz"
    with Recorder(again) as recorder:
        ingest(recorded_feed([str(path)], None).items, recorder)
    assert gzip.decompress(path.read_bytes()) == gzip.decompress(again.read_bytes())


def test_a_simulated_past_comes_in_the_order_of_its_receipt() -> None:
    """Definitions too: the engine doubts whoever is hours ahead of all that follows."""
    simulator = Simulator(SimulatorConfig(seed=3, start=_START, duration=SECOND))
    times = [item.ts_received for item in simulated_feed(simulator, history_days=0.1).items]
    assert times == sorted(times)
    assert times[0] < _START - 2 * HOUR


def test_a_recording_that_begins_with_garbage_is_one(tmp_path: Path) -> None:
    """It can be replayed, and the garbage has the bytes that it had in the tape."""
    tape = Path(write_tape(tmp_path / "a", "BTCUSDT", 0, 3))
    tape.write_bytes(b"\x00garbage\n" + tape.read_bytes())
    path = tmp_path / "market.jsonl"
    with Recorder(path) as recorder:
        ingest(recorded_feed([str(tape)], "binance").items, recorder)
    first, *rest = recorded_feed([str(path)], None).items
    assert isinstance(first, Malformed)
    assert first.raw == b"\x00garbage"
    assert not any(isinstance(item, Malformed) for item in rest)


@pytest.mark.parametrize("inputs", [["{own}", "{tape}"], ["{tape}", "{own}"], ["{own}", "{tape}", "{own}"]])
def test_a_recording_hides_no_tape(inputs: list[str], tmp_path: Path) -> None:
    """However they are named: they do not go together."""
    tape, own = write_tape(tmp_path / "a", "BTCUSDT", 0, 3), tmp_path / "own.jsonl"
    with Recorder(own) as recorder:
        ingest(recorded_feed([tape], "binance").items, recorder)
    for venue in ("binance", None):
        with pytest.raises((FlowError, TapeError), match=r"cannot be merged|say of which venue"):
            recorded_feed([text.format(tape=tape, own=own) for text in inputs], venue)


def test_a_broken_recording_leaves_no_file(tmp_path: Path) -> None:
    """Whole or not at all."""
    beat = Heartbeat(instrument_id=CONTROL, ts_event=_START, ts_received=_START, source="t")
    breaking = (beat for number in (1, 0) if 1 / number)
    with pytest.raises(ZeroDivisionError), Recorder(tmp_path / "market.jsonl") as recorder:
        ingest(breaking, recorder)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("inputs", "venue", "kind", "words"),
    [
        ([], None, FlowError, "no input"),
        (["/nowhere/tape"], "binance", TapeError, "/nowhere/tape"),
        (["{a}"], "bitfinex", TapeError, "'bitfinex' is not known, only"),
        (["{a}"], None, TapeError, "say of which venue"),
        (["{a}", "{own}"], "binance", FlowError, "cannot be merged"),
    ],
)
def test_what_cannot_be_read_is_named(
    inputs: list[str], venue: str | None, kind: type[Exception], words: str, tmp_path: Path
) -> None:
    """File, venue, or what is missing."""
    tape = write_tape(tmp_path / "a", "BTCUSDT", 0, 3)
    own = tmp_path / "own.jsonl"
    with Recorder(own) as recorder:
        recorder.write(Heartbeat(instrument_id=CONTROL, ts_event=_START, ts_received=_START, source="t"))
    with pytest.raises(kind, match=words):
        recorded_feed([text.format(a=tape, own=own) for text in inputs], venue)


@needs_data
def test_real_tapes_side_by_side() -> None:
    """Six recordings of three venues become one stream in the order of receipt."""
    folder = DATA / "ws_raw/binance_2023-04-05_funding"
    files = [f"binance={folder}/spot_btcusdt_20230405.dat.gz"]
    files += [f"binanceusdm={folder}/usdm_btcusdt_{day}.dat.gz" for day in ("20230404", "20230405")]
    items = list(recorded_feed(files, None).items)
    assert not [item for item in items if isinstance(item, Malformed)]
    assert all(a.ts_received <= b.ts_received for a, b in pairwise(items))
    assert sum(isinstance(item, Trade) for item in items) == 3_144 + 12_935


def test_a_venue_that_nothing_is_of_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "bars.csv"
    table.write_text("ts_ms,open,high,low,close,volume\n1700000100000,1,2,1,2,5\n", encoding="utf-8")
    with pytest.raises(FlowError, match="--venue okx: no input takes it"):
        recorded_feed([str(table)], "okx", instrument="okx:A/B", timeframe="5m")


def test_tables_of_an_instrument_agree_on_each_bar_or_one_of_them_is_told(tmp_path: Path) -> None:
    head, times = "ts_ms,open,high,low,close,volume\n", [1_700_000_100_000 + 300_000 * at for at in range(8)]
    rows = [f"{ts},1,2,1,{1 + at / 10},5\n" for at, ts in enumerate(times)]
    changed = [row.replace(",5\n", ",6\n") if at == 4 else row for at, row in enumerate(rows)]
    one, other = tmp_path / "one.csv", tmp_path / "other.csv"
    one.write_text(head + "".join(rows[:6]), encoding="utf-8")
    other.write_text(head + "".join(changed[2:3] + changed[4:]), encoding="utf-8")
    items = list(recorded_feed([str(one), str(other)], None, instrument="x:A/B", timeframe="5m").items)
    (told,) = [item for item in items if isinstance(item, Malformed)]
    assert told.place == f"{one}:6"  # the other's next row was looked at already
    assert told.reason == f"ts_ms {times[4]} is in {other} too, with another bar"
    bars = [item for item in items if isinstance(item, ExchangeBar)]
    assert {bar.ts_open // 10**6 for bar in bars} == set(times)
    assert [bar.volume for bar in bars if bar.ts_open == times[4] * 10**6] == [6.0]
