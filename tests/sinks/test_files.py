import os
import random
import resource
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import bytewax.operators as op
import msgspec
import pytest
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSource
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from flows.runtime import run_here
from schemas.codec import encode
from schemas.market import InstrumentDefinition
from schemas.results import Absence, Bar, BookSample, DeadLetter, Vector
from schemas.signals import KeyFactor, ModelOpinion, Signal
from schemas.time import MILLISECOND, MINUTE
from schemas.topics import BY_NAME, Outgoing
from sinks.errors import SinkError
from sinks.files import FileSink, Format, read_jsonl
from sinks.runs import FAN_IN, Entry, Runs

T0 = 1_700_000_040_000_000_000


def bar(key: str, minute: int, revision: int = 0) -> Outgoing:
    close = T0 + minute * MINUTE
    record = Bar(
        id=f"{key}-{minute}-{revision}", instrument_id=key, timeframe="1m", ts_open=close - MINUTE, ts_close=close,
        ts_decided=close, revision=revision, open=1.0, high=2.5, low=0.1, close=1.7, volume=3.0, notional=5.1, trades=4,
        buy_volume=1.0, sell_volume=2.0, bid_first=1.5, quality=["partial"],
    )  # fmt: skip
    return Outgoing("features.bars", key, record.id, encode(record), close // MILLISECOND)


def vector(key: str, minute: int, features: dict[str, float | None], **more: Any) -> Outgoing:
    close = T0 + minute * MINUTE
    record = Vector(
        id=f"{key}-{minute}", instrument_id=key, timeframe="1m", ts_close=close, ts_decided=close, schema_hash="abc",
        features=features, **more,
    )  # fmt: skip
    return Outgoing("features.vectors", key, record.id, encode(record), close // MILLISECOND)


def absence(key: str, minute: int) -> Outgoing:
    close = T0 + minute * MINUTE
    record = Absence(
        id=f"{key}-{minute}", instrument_id=key, timeframe="1m", ts_close=close, ts_decided=close, reason="no bar"
    )
    return Outgoing("features.vectors", key, record.id, encode(record), close // MILLISECOND)


def dead(offset: int) -> Outgoing:
    record = DeadLetter(
        id=str(offset), topic="market.events", partition=0, offset=offset, reason="not JSON",
        ts_received=T0 + offset % 3, key=None, value="AAECAw==",
    )  # fmt: skip
    return Outgoing("dead_letters", "market.events[0]", record.id, encode(record), (T0 + offset % 3) // MILLISECOND)


def write(directory: Path, batches: Iterable[list[Outgoing]], fmt: Format = "jsonl", memory: int = 64 << 20) -> None:
    with FileSink(directory, fmt, memory=memory) as sink:
        part = sink.build_part("flow.features", "files", None)
        for batch in batches:
            part.write_batch(batch)
        part.close()


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def interleaved(streams: list[list[Outgoing]], rng: random.Random) -> list[Outgoing]:
    order = [number for number, stream in enumerate(streams) for _ in stream]
    rng.shuffle(order)
    iterators = [iter(stream) for stream in streams]
    return [next(iterators[number]) for number in order]


STREAMS = [
    [bar("a:X", minute, revision) for minute in range(3) for revision in range(2)],
    [bar("b:X", minute) for minute in (0, 1, 1, 4)],
    [bar("strange\nkey\t{", minute) for minute in (2, 0, 1)],  # time goes back: the key's order stays
    [vector("a:X", minute, {"ema": 1.5, "rsi": None}) for minute in range(3)],
    [dead(offset) for offset in (0, 3, 5)],
    [dead(offset) for offset in (1, 2, 7)],  # another step's, of the same key
]


@given(rng=st.randoms(use_true_random=False), memory=st.sampled_from([0, 1_500, 1 << 20]), cut=st.integers(1, 5))
@settings(deadline=None)
def test_any_interleaving_of_keys_gives_the_same_bytes(
    tmp_path_factory: pytest.TempPathFactory, rng: random.Random, memory: int, cut: int
) -> None:
    plain, shuffled = tmp_path_factory.mktemp("plain"), tmp_path_factory.mktemp("shuffled")
    write(plain, STREAMS)
    records = interleaved(STREAMS, rng)
    write(shuffled, (records[at : at + cut] for at in range(0, len(records), cut)), memory=memory)
    assert contents(shuffled) == contents(plain)
    assert contents(plain).keys() == {"features.bars.jsonl", "features.vectors.jsonl", "dead_letters.jsonl"}


def test_a_file_is_in_order_of_time_then_key_and_keeps_a_keys_own_order(tmp_path: Path) -> None:
    write(tmp_path, reversed(STREAMS))
    found = [msgspec.json.decode(line, type=Bar) for line in read_jsonl(tmp_path / "features.bars.jsonl")]
    places = [(found_bar.ts_close, found_bar.instrument_id) for found_bar in found if found_bar.instrument_id < "s"]
    assert places == sorted(places)
    for stream in STREAMS[:3]:
        key = stream[0].key
        assert [record.id for record in stream] == [record.id for record in found if record.instrument_id == key]
    letters = [msgspec.json.decode(line, type=DeadLetter) for line in read_jsonl(tmp_path / "dead_letters.jsonl")]
    assert [letter.offset for letter in letters] == [0, 1, 2, 3, 5, 7]


def run_flow(directory: Path, fail_at: int | None = None) -> Counter[str]:
    def checked(item: tuple[str, Outgoing]) -> tuple[str, Outgoing]:
        if fail_at is not None and item[1] is records[fail_at]:
            raise RuntimeError("planted")
        return item

    records = [record for stream in STREAMS for record in stream]
    flow = Dataflow("candlewick")
    source = op.input("log", flow, TestingSource([(record.key, record) for record in records]))
    items = op.branch("lanes", op.map("check", source, checked), lambda item: item[1].topic == "dead_letters")
    with FileSink(directory) as features, FileSink(directory) as signals:
        op.output("features", items.falses, features)
        op.output("signals", items.trues, signals)
        run_here(flow)
    return features.written + signals.written


def test_two_sinks_of_a_dataflow_share_a_directory(tmp_path: Path) -> None:
    write(tmp_path / "parts", STREAMS)
    assert run_flow(tmp_path / "flow") == {"features.bars": 13, "features.vectors": 3, "dead_letters": 6}
    assert contents(tmp_path / "flow") == contents(tmp_path / "parts")


def test_a_failure_half_way_leaves_nothing(tmp_path: Path) -> None:
    run_flow(tmp_path)
    (tmp_path / "notes.txt").write_text("not ours")
    with pytest.raises(RuntimeError):
        run_flow(tmp_path, fail_at=18)
    assert contents(tmp_path) == {"notes.txt": b"not ours"}


_KILLED = """
import os, sys
from pathlib import Path
from sinks.files import FileSink
from tests.sinks.test_files import STREAMS
part = FileSink(Path(sys.argv[1]), "parquet", memory=0).build_part("flow.features", "files", None)
for stream in STREAMS:
    part.write_batch(stream)
os.kill(os.getpid(), 9)
"""


def test_a_killed_run_leaves_no_file(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    killed = subprocess.run([sys.executable, "-c", _KILLED, tmp_path], cwd=root, check=False)
    assert killed.returncode == -9
    assert [path.name for path in tmp_path.iterdir()] == [".flow.features.partial"]
    write(tmp_path, STREAMS)
    assert contents(tmp_path).keys() == {"features.bars.jsonl", "features.vectors.jsonl", "dead_letters.jsonl"}


def test_an_earlier_runs_results_are_removed_in_either_format(tmp_path: Path) -> None:
    write(tmp_path, STREAMS, "parquet")
    write(tmp_path, [[bar("a:X", 0)]])
    assert contents(tmp_path).keys() == {"features.bars.jsonl"}


def test_handles_are_bounded_whatever_the_number_of_keys(tmp_path: Path) -> None:
    streams = [[bar(f"venue:{key}", minute) for minute in range(3)] for key in range(300)]
    write(tmp_path / "plain", streams)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    opened = len(list(Path("/proc/self/fd").iterdir()))
    resource.setrlimit(resource.RLIMIT_NOFILE, (opened + FAN_IN + 10, hard))
    try:
        write(tmp_path / "runs", interleaved_batches(streams), memory=0)  # 900 runs
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert contents(tmp_path / "runs") == contents(tmp_path / "plain")


def interleaved_batches(streams: list[list[Outgoing]]) -> Iterator[list[Outgoing]]:
    records = interleaved(streams, random.Random(7))  # noqa: S311, no secret
    return ([record] for record in records)


@pytest.mark.parametrize(("late", "runs"), [(3, 1), (500, FAN_IN // 2)])
def test_runs_are_one_file_sorted_and_one_run_if_they_come_nearly_so(tmp_path: Path, late: int, runs: int) -> None:
    rng = random.Random(3)  # noqa: S311, no secret
    entries: list[Entry] = [(n - rng.randrange(late), rng.choice("ab\n"), n, b"%d" % n) for n in range(2_000)]
    sorter = Runs(tmp_path / "whole")
    most = 0
    for entry in entries:
        sorter.add(entry)
        if sorter.size > 8_000:
            sorter.spill()
            most = max(most, len(list(tmp_path.glob("*.lines"))))
    assert sorter.finish().read_bytes() == b"".join(value + b"\n" for *_, value in sorted(entries))
    assert sorter.count == 2_000
    assert 1 <= most <= runs
    assert [path.name for path in tmp_path.iterdir()] == ["whole"]


SIGNAL = Signal(
    id="s", instrument_id="a:X", timeframe="5m", strategy="confluence", strategy_version="1", direction="long",
    confidence=0.5, calibrated=False, horizon=MINUTE, entry_low=1.0, entry_high=2.0, stop=0.5, targets=[3.0, 4.0, 5.0],
    risk_reward=2.0, size=None, ts_event=T0, ts_decided=T0, expiry=T0 + MINUTE,
    key_factors=[KeyFactor(feature="rsi", value=30.0, contribution=0.2, words="“sold out”")], explanation="why",
    models=[ModelOpinion(model="m", version="1", probability=0.5, weight=1.0)], schema_hash="abc", quality=[], bid=1.0,
    ask=2.0, status="vetoed", vetoes=["spread"],
)  # fmt: skip
DEFINITION = InstrumentDefinition(instrument_id="a:X", ts_event=T0, ts_received=T0, kind="spot", base="X", quote="Y")
SAMPLE = BookSample(
    id="b", instrument_id="a:X", ts_event=T0, bid_prices=[1.0, 0.9], bid_sizes=[1.0, 2.0], ask_prices=[],
    ask_sizes=[], imbalance=None, stale=True,
)  # fmt: skip


def test_parquet_holds_what_jsonl_holds(tmp_path: Path) -> None:
    streams = [
        *STREAMS,
        [
            vector("b:X", 0, {"rsi": 3.25, "late": 1.0, "bid": 7.0}, tainted={"rsi": "a gap"}, bid=1.5),
            absence("b:X", 1),
        ],
        [Outgoing("signals.candidates", "a:X", "s", encode(SIGNAL), 0)],
        [Outgoing("reference.instruments", "a:X", "i", encode(DEFINITION), 0)],
        [Outgoing("features.books", "a:X", "b", encode(SAMPLE), 0)],
    ]
    write(tmp_path / "lines", streams)
    write(tmp_path / "tables", streams, "parquet")
    write(tmp_path / "again", reversed([streams[0], streams[1], *streams[2:]]), "parquet")
    assert contents(tmp_path / "tables") == contents(tmp_path / "again")
    lines = sorted((tmp_path / "lines").iterdir())
    assert [path.stem for path in lines] == sorted(path.stem for path in (tmp_path / "tables").iterdir())
    for path in lines:
        rows = parquet.read_table(tmp_path / "tables" / f"{path.stem}.parquet").to_pylist()
        records = [msgspec.json.decode(line, type=BY_NAME[path.stem].record) for line in read_jsonl(path)]
        assert [as_row(record, set(rows[0])) for record in records] == rows


def as_row(record: Any, columns: set[str]) -> dict[str, Any]:
    """``record`` as a row, by another way than the sink's."""
    row: dict[str, Any] = dict.fromkeys(columns)
    row |= {"type": record.__struct_config__.tag} | msgspec.structs.asdict(record)
    features = row.pop("features", {})
    row |= {f"feature_{name}" if name in ("bid", "ask") else name: value for name, value in features.items()}
    nested = ("tainted", "key_factors", "models", "details")
    return {
        name: encode(value).decode() if name in nested and value is not None else value for name, value in row.items()
    }


def test_features_are_columns_in_order_of_first_appearance(tmp_path: Path) -> None:
    streams = [[vector("a:X", 0, {"z": 1.0, "b": None}), vector("a:X", 1, {"b": 2.0, "a": 3.0})], [absence("b:X", 0)]]
    write(tmp_path, streams, "parquet")
    schema = parquet.read_schema(tmp_path / "features.vectors.parquet")
    assert schema.names == [
        "type", "id", "instrument_id", "timeframe", "ts_close", "ts_decided", "schema_hash", "z", "b", "a", "tainted",
        "bid", "ask", "reason",
    ]  # fmt: skip
    assert {str(schema.field(name).type) for name in "zba"} == {"double"}
    assert str(schema.field("ts_close").type) == "int64"


def test_large_files_are_written_in_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sinks.parquet.ROWS", 10)
    write(tmp_path, [[bar("a:X", minute) for minute in range(25)]], "parquet")
    file = parquet.ParquetFile(tmp_path / "features.bars.parquet")
    assert [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)] == [10, 10, 5]


def test_a_number_too_large_for_its_column_is_named(tmp_path: Path) -> None:
    value = bar("a:X", 0).value.replace(b'"trades":4', b'"trades":99999999999999999999')
    with pytest.raises(SinkError, match=r"features\.bars: a value does not fit its Parquet column: .*int"):
        write(tmp_path, [[Outgoing("features.bars", "a:X", "i", value, 0)]], "parquet")


def test_a_directory_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    for wrong in (tmp_path / "out", tmp_path / "out" / "below"):
        with pytest.raises(SinkError, match=r"^output .*/out.*; name a directory of our own with enough room$"):
            FileSink(wrong, "jsonl")


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # mode bits do not stop a superuser
    with pytest.raises(SinkError, match="not writable"):
        FileSink(tmp_path, "jsonl")


def test_two_runs_do_not_write_into_the_same_directory(tmp_path: Path) -> None:
    with FileSink(tmp_path) as held:
        held.build_part("flow.features", "files", None)
        with pytest.raises(SinkError, match="another run is writing there"):
            FileSink(tmp_path).build_part("flow.features", "files", None)


def test_a_topic_that_is_not_in_the_registry_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match=r"topic features\.bar: there is none of this name"):
        write(tmp_path, [[Outgoing("features.bar", "a:X", "i", b"{}", 0)]])


def test_reading_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match=r"no\.jsonl: No such file"):
        list(read_jsonl(tmp_path / "no.jsonl"))
