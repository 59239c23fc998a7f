"""A replay with helper processes: the same bytes as in one, and one line if a helper dies."""

import gzip
import os
import signal
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from flows.errors import FlowError
from flows.feeds import Entry, Feed, recorded_feed, simulated_feed, simulated_past
from flows.replay import replay, workers_for
from flows.settings import load
from schemas.time import MINUTE, SECOND
from sources.simulator import Faults, Gap, Simulator, SimulatorConfig
from tests.data import DATA, needs_data

_COINS = ("BTC", "ETH", "LTC")
_BARS = DATA / "bars_nolicense" / "binance_um_5m_2023-01_2024-05"
_START = 1_704_067_200 * SECOND
_USDM = DATA / "ws_raw/binance_2023-04-05_funding"


def bars(folder: Path, rows: int = 1_000) -> Feed:
    """The first ones of three instruments, and the funding of one; a row of the last goes back in time."""
    inputs = []
    for coin, cut in zip(_COINS, (rows, rows - 150, rows), strict=True):
        path = folder / f"{coin}.csv"
        with gzip.open(_BARS / f"{coin}USDT_5m.csv.gz", "rt") as file:
            lines = list(islice(file, cut + 1))
        if coin == "LTC":
            lines.insert(300, lines[100])
        path.write_text("".join(lines), encoding="utf-8")
        inputs.append(f"binanceusdm:{coin}/USDT:USDT={path}")
    funding = folder / "funding.csv"
    with gzip.open(_BARS / "BTCUSDT_funding.csv.gz", "rt") as file:
        funding.write_text("".join(islice(file, 12)), encoding="utf-8")
    return recorded_feed([*inputs, f"binanceusdm:BTC/USDT:USDT={funding}"], None, timeframe="5m")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def both(tmp_path: Path, first: Feed, second: Feed) -> dict[str, bytes]:
    """The files of ``first`` in one process, which those of the equal ``second`` with two helpers are too."""
    settings = load(with_file=False, strategy={"threshold": 0.2})
    one = replay(settings, first, tmp_path / "one")
    two = replay(settings, second, tmp_path / "two", workers=2)
    found = contents(tmp_path / "one")
    assert found == contents(tmp_path / "two")
    assert one.records == two.records
    return found


@needs_data
def test_bars_of_three_instruments_give_the_same_bytes(tmp_path: Path) -> None:
    found = both(tmp_path, bars(tmp_path), bars(tmp_path))
    topics = ("features.bars", "features.vectors", "features.context", "dead_letters", "quality.gaps")
    assert {f"{topic}.jsonl" for topic in topics} <= found.keys()
    assert "signals.candidates.jsonl" in found


@needs_data
def test_a_tape_gives_the_same_bytes(tmp_path: Path) -> None:
    def tape() -> Feed:
        return recorded_feed([str(_USDM / "usdm_btcusdt_20230404.dat.gz")], "binanceusdm")

    assert {"features.books.jsonl", "features.vectors.jsonl"} <= both(tmp_path, tape(), tape()).keys()


def test_a_market_with_faults_gives_the_same_bytes(tmp_path: Path) -> None:
    def market() -> Feed:
        faults = Faults(gap=Gap(per_hour=30.0))
        return simulated_feed(
            Simulator(SimulatorConfig(seed=3, start=_START, duration=4 * MINUTE, faults=faults)), history_days=0.1
        )

    assert "quality.gaps.jsonl" in both(tmp_path, market(), market())


def helpers() -> list[int]:
    """Processes that we have started and that have not ended."""
    told = (path.read_text().split() for path in Path("/proc/self/task").glob("*/children"))
    return sorted(int(number) for numbers in told for number in numbers)


def test_a_helper_that_is_killed_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    before = helpers()
    killed: list[int] = []

    def items() -> Iterator[Entry]:
        for number, item in enumerate(simulated_past(2.0, 7).items):
            if number == 5_000:
                killed.extend(pid for pid in helpers() if pid not in before)
                os.kill(killed[0], signal.SIGKILL)
            yield item

    with pytest.raises(FlowError, match=r"^replay worker 0 was killed by SIGKILL; nothing was written$"):
        replay(load(with_file=False), Feed(items()), tmp_path, workers=2)
    assert len(killed) == 2
    assert helpers() == before
    assert list(tmp_path.iterdir()) == []


@needs_data
def test_helpers_are_for_large_tables_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = (
        bars(tmp_path, 400),
        recorded_feed([f"b:X/Y={_BARS}/{coin}USDT_5m.csv.gz" for coin in _COINS], None, timeframe="5m"),
    )
    day = DATA / "ws_raw/binance_2024-08-08"
    tapes = recorded_feed([str(day / f"usdm_{coin}usdt_20240808.gz") for coin in ("btc", "eth")], "binanceusdm")
    assert tapes.size > 4_000_000
    for processors, expected in (({0, 1}, 2), ({0}, 0), (set(range(64)), 4)):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, found=processors: found)
        assert [workers_for(feed) for feed in (small, tapes, large)] == [0, 0, expected]
