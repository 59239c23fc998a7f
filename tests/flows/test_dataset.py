"""Data sets made of what a replay wrote."""

import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest

from flows.dataset import fetch_results, make_dataset
from flows.embedded.broker import CLIENT, EmbeddedBroker
from flows.errors import FlowError
from flows.settings import KafkaSettings, Settings
from models.costs import Costs
from models.dataset import load, load_closes
from models.errors import ModelError
from operators.config import StrategyConfig
from operators.desk.confluence import version_of
from schemas.time import MILLISECOND, MINUTE
from schemas.topics import TOPICS
from sources.result_files import read_results, result_file
from tests.flows.market_files import START_MS, STEP_MS, replayed, walk_file
from tests.kafka_tools import put


class _Id(msgspec.Struct):
    id: str


VERSION_5M = version_of(StrategyConfig(timeframes=("5m", "15m")))
ONE, OTHER = "simx:ONE/USDT:USDT", "simx:TWO/USDT:USDT"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("walks")
    return {ONE: walk_file(folder / "one.csv", 900), OTHER: walk_file(folder / "two.csv", 900, 2, range(400, 410))}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, files: dict[str, Path]) -> Path:
    return replayed(tmp_path_factory.mktemp("jsonl"), files)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory, results: Path) -> Path:
    out = tmp_path_factory.mktemp("data") / "set"
    make_dataset([results], out, Costs())
    return out


def test_a_row_holds_what_was_known_at_the_decision_and_a_label_that_begins_after_it(dataset: Path) -> None:
    data = load(dataset)
    told = data.manifest
    assert told.instruments == [ONE, OTHER]
    assert told.bars == {ONE: "5m", OTHER: "5m"}
    assert len(data) == told.rows > 50
    assert told.vetoed == told.rows  # bars carry no book, and are scored all the same
    assert 0 < told.wins < told.labels <= told.rows
    assert (np.diff(data["ts_decided"]) >= 0).all()
    entered = data.entered()
    assert len(entered) == told.labels
    assert told.means["net_return"] == pytest.approx(entered["net_return"].mean())
    assert {"net_return_1m_later", "forward_24"} <= told.means.keys()
    assert (entered["ts_entry"] >= entered["ts_decided"]).all()
    assert (entered["ts_end"] > entered["ts_entry"]).all()
    assert entered["spread_model"].all()
    assert ((entered["uniqueness"] > 0) & (entered["uniqueness"] <= 1)).all()
    assert np.allclose(
        entered["net_return"],
        entered["gross_return"] - entered["fees"] - entered["slippage"] - entered["funding"],
    )
    whole = data.x[data["instrument_id"] == ONE]  # the other misses bars, which taints
    assert not np.isnan(whole[:, data.inputs.index("rsi_14")]).any()
    assert np.isnan(data.x[:, data.inputs.index("obi_10")]).all()
    assert set(np.unique(data.x[:, data.inputs.index("direction")])) == {-1.0, 1.0}
    assert (data.x[:, data.inputs.index("score")] >= 0.3 - 1e-6).all()


def test_every_close_is_kept_beside_the_candidates(tmp_path: Path, dataset: Path, results: Path) -> None:
    closes, data = load_closes(dataset), load(dataset)
    assert closes is not None
    assert set(closes.timeframe) == {*data["timeframe"]} == {"5m", "15m"}
    one = closes.ts_close[(closes.instrument == ONE) & (closes.timeframe == "5m")]
    assert (np.diff(one) == 5 * MINUTE).all()
    assert closes.ts_close.min() == data["ts_event"].min()
    assert closes.ts_close.max() >= data["ts_event"].max()  # the last candidates have no label yet
    places = zip(data["instrument_id"], data["timeframe"], data["ts_event"], strict=True)
    for row, (name, timeframe, ts) in enumerate(places):
        (at,) = np.flatnonzero((closes.instrument == name) & (closes.timeframe == timeframe) & (closes.ts_close == ts))
        assert np.array_equal(closes.x[at], data.x[row, :-2], equal_nan=True)
    make_dataset([results], tmp_path / "again", Costs())
    assert (tmp_path / "again" / "closes.parquet").read_bytes() == (dataset / "closes.parquet").read_bytes()
    (tmp_path / "again" / "closes.parquet").write_bytes(b"other")
    with pytest.raises(ModelError, match=r"closes\.parquet: not what its manifest tells of"):
        load_closes(tmp_path / "again")
    told = tmp_path / "again" / "manifest.json"
    told.write_bytes(msgspec.json.encode(msgspec.structs.replace(data.manifest, closes_hash="")))
    assert load_closes(tmp_path / "again") is None  # a set of before


def test_of_all_that_was_decided_before_the_first_open_one_it_is_known_what_became_of_it(
    dataset: Path, results: Path
) -> None:
    data, path = load(dataset), result_file(results, "signals.candidates")
    assert path is not None
    decided = {one.id: one.ts_decided for one in read_results(path, "signals.candidates", _Id, lambda _: True)}
    open_ones = decided.keys() - set(data["id"])
    assert data.manifest.left_out == len(open_ones) > 0
    assert data.manifest.open_from == min(decided[name] for name in open_ones)


def test_candidates_of_another_version_of_the_strategy_are_left_out(
    tmp_path: Path, dataset: Path, results: Path
) -> None:
    """Another stop or horizon is another question."""
    before, data = tmp_path / "results", load(dataset)
    shutil.copytree(results, before)
    path = before / "signals.candidates.jsonl"
    first, *rest = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first.replace(b'"strategy_version":"', b'"strategy_version":"0') + b"".join(rest))
    told = make_dataset([before], tmp_path / "set", Costs())
    assert (told.rows, told.left_out) == (data.manifest.rows - 1, data.manifest.left_out + 1)
    assert told.strategies == data.manifest.strategies == {"confluence": VERSION_5M}


def test_funding_is_that_of_the_settlement_which_a_trade_lived_through(dataset: Path) -> None:
    data = load(dataset).entered()
    long = data.x[:, data.inputs.index("direction")] > 0
    begin, step = START_MS * MILLISECOND, 8 * 60 * MINUTE
    for at in range(len(data)):
        first = -(-(data["ts_entry"][at] + 1 - begin) // step)  # the first settlement after the entry
        last = (data["ts_exit"][at] - 1 - begin) // step
        rate = sum(1e-4 * (number + 1) for number in range(first, last + 1))
        if data["ts_exit"][at] % step:  # at the very moment it is the bar that tells
            assert data["funding"][at] == pytest.approx(rate if long[at] else -rate, rel=0.05, abs=1e-12)
    assert (data["funding"] != 0).any()


def test_missing_bars_are_told(dataset: Path) -> None:
    (hole,) = load(dataset).manifest.holes
    assert hole.instrument_id == OTHER
    assert (hole.ts_start, hole.ts_end) == tuple(
        (START_MS + at * STEP_MS) * MILLISECOND for at in (400, 410)
    )  # fmt: skip


def test_equal_results_give_equal_bytes_in_either_format(
    tmp_path: Path, files: dict[str, Path], results: Path, dataset: Path
) -> None:
    make_dataset([results], tmp_path / "again", Costs())
    make_dataset([replayed(tmp_path / "parquet", files, "parquet")], tmp_path / "other", Costs())
    first, again, other = (folder / "rows.parquet" for folder in (dataset, tmp_path / "again", tmp_path / "other"))
    assert first.read_bytes() == again.read_bytes() == other.read_bytes()
    with pytest.raises(ModelError, match="already"):
        make_dataset([results], tmp_path / "again", Costs())


def test_two_replays_that_follow_one_another_are_one_span(
    tmp_path: Path, files: dict[str, Path], results: Path
) -> None:
    """A candidate at the end of the first is followed through the bars of the second."""
    short = {ONE: walk_file(tmp_path / "one.csv", 300), OTHER: walk_file(tmp_path / "two.csv", 300, 2)}
    first = replayed(tmp_path / "first", short)
    both = make_dataset([first, results], tmp_path / "both", Costs())
    whole = make_dataset([results], tmp_path / "whole", Costs())
    assert (both.rows, both.labels, both.wins) == (whole.rows, whole.labels, whole.wins)


def test_what_stands_in_the_topics_makes_the_same_rows(tmp_path: Path, settings: Settings) -> None:
    """A crash may have left features twice there."""
    results = replayed(tmp_path / "replay", {ONE: walk_file(tmp_path / "one.csv", 300)})  # the broker keeps 5 MB
    make_dataset([results], tmp_path / "files", Costs())
    client = {"bootstrap.servers": settings.kafka.bootstrap}
    for topic in TOPICS:
        path = results / f"{topic.name}.jsonl"
        if topic.lane != "log":
            lines = path.read_bytes().splitlines() if path.exists() else []
            twice = 2 if topic.lane == "features" else 1
            put(client, [message(line) for line in lines for _ in range(twice)], topic.name)
    fetch_results(settings, tmp_path / "topics")
    make_dataset([tmp_path / "topics"], tmp_path / "set", Costs())
    assert (tmp_path / "set/rows.parquet").read_bytes() == (tmp_path / "files/rows.parquet").read_bytes()


def message(line: bytes) -> tuple[bytes, bytes, int, int]:
    """As the engine writes it."""
    told = msgspec.json.decode(line)
    ts = next(told[name] for name in ("ts_decided", "ts_received", "ts_event") if name in told)
    return told["instrument_id"].encode(), line, 0, ts // MILLISECOND


def test_what_is_missing_is_named(tmp_path: Path, files: dict[str, Path]) -> None:
    with pytest.raises(FlowError, match="no features"):
        make_dataset([tmp_path], tmp_path / "out", Costs())
    short = {ONE: walk_file(tmp_path / "one.csv", 60)}
    with pytest.raises(FlowError, match="no candidate"):
        make_dataset([replayed(tmp_path / "none", short, threshold=0.44)], tmp_path / "out", Costs())


def test_changed_rows_are_refused(tmp_path: Path, results: Path) -> None:
    make_dataset([results], tmp_path / "set", Costs())
    rows = tmp_path / "set" / "rows.parquet"
    rows.write_bytes(rows.read_bytes()[:-1] + b"X")
    with pytest.raises(ModelError, match="SHA-256"):
        load(tmp_path / "set")


def changed(folder: Path, results: Path, topic: str, lines: list[bytes]) -> Path:
    """``results`` with other lines in one of their files."""
    folder.mkdir()
    for path in results.iterdir():
        (folder / path.name).symlink_to(path)
    (folder / f"{topic}.jsonl").unlink()
    (folder / f"{topic}.jsonl").write_bytes(b"\n".join([*lines, b""]))
    return folder


def test_bars_before_the_first_ones_are_told_and_not_passed_over(tmp_path: Path, results: Path) -> None:
    bars = (results / "features.bars.jsonl").read_bytes().splitlines()
    later = changed(tmp_path / "later", results, "features.bars", bars[len(bars) // 2 :])
    with pytest.raises(FlowError, match=r"that of simx:.* comes after later ones; name the directories"):
        make_dataset([later, results], tmp_path / "set", Costs())
    assert not (tmp_path / "set").exists()


def test_a_candidate_whose_vector_is_not_there_is_no_row_and_counted(tmp_path: Path, results: Path) -> None:
    vectors = (results / "features.vectors.jsonl").read_bytes().splitlines()
    half = changed(tmp_path / "half", results, "features.vectors", vectors[len(vectors) // 2 :])
    whole = make_dataset([results], tmp_path / "whole", Costs())
    made = make_dataset([half], tmp_path / "set", Costs())
    assert 0 < made.rows < whole.rows
    assert made.rows + made.left_out == whole.rows + whole.left_out
    data = load(tmp_path / "set")
    assert not np.isnan(data.x[:, data.inputs.index("return_1")]).all()


def test_a_data_set_does_not_take_the_place_of_a_directory(results: Path) -> None:
    with pytest.raises(ModelError, match="is there already"):
        make_dataset([results], Path(), Costs())


def test_a_topic_that_holds_nothing_is_named(tmp_path: Path) -> None:
    with EmbeddedBroker() as broker:
        kafka = KafkaSettings(bootstrap=broker.bootstrap, client={**CLIENT})
        with pytest.raises(FlowError, match=r"topic features\.vectors: there is nothing in it"):
            fetch_results(Settings(kafka=kafka), tmp_path / "topics")
