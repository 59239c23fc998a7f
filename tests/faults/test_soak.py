"""Hours of a market at fifty times its speed, with a fault each quarter of an hour: nothing is lost, nothing grows."""

import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Final

import pytest

from tests.faults.conftest import Form, Markets
from tests.faults.member import Member
from tests.faults.stand import Stand
from tests.faults.table import Finding
from tests.integration.kafka_broker import KafkaBroker
from tests.integration.timescale_server import TimescaleServer

pytestmark = [pytest.mark.integration, pytest.mark.fault("soak")]

_SPEED: Final = 50.0
_PATIENCE_S: Final = 90.0  # on a machine that has other things to do, too


def test_hours(
    form: Form,
    market: Markets,
    brokers: Callable[[], KafkaBroker],
    timescale: TimescaleServer,
    timescale_database: str,
    tmp_path: Path,
    finding: Finding,
) -> None:
    """In the first half processes die as well; in the second they are the same, and must not have grown at its end."""
    faults = form.number(4, 16)
    seconds = faults * form.number(150, 900)
    finding.injected(f"{seconds / 3_600:.1f} hours at {_SPEED:.0f}x, {faults} faults: kills, crashes, freezes, SIGTERM")
    with Stand(brokers(), tmp_path, market(seconds), dsn=timescale_database, epoch_s=2.0) as stand:
        feed = stand.feed(_SPEED)
        stand.start_engine()
        stand.store.start()
        killing, sparing = cycle((kill_engine, kill_store, stop_engine)), cycle((crash_database, freeze_broker))
        sizes: list[list[float]] = []
        handles: list[list[int]] = []
        began = time.monotonic()
        for number in range(faults):
            second_half = number >= faults // 2
            fault = next(sparing if second_half or number % 2 else killing)
            fault(stand, timescale)
            stand.more(_PATIENCE_S)
            time.sleep(max(0.0, began + (number + 1) * seconds / faults / _SPEED - time.monotonic()))
            if second_half and feed.alive:
                watched: tuple[Member, ...] = (stand.engine, stand.store, feed)
                sizes.append([member.memory_mb for member in watched])
                handles.append([member.files for member in watched])
        feed.end()
        stand.wait(stand.market.results)
        stand.finish()
        verdict = stand.verdict()
    grown = [last / first - 1 for first, last in zip(sizes[0], sizes[-1], strict=True)]
    opened = [last - first for first, last in zip(handles[0], handles[-1], strict=True)]
    finding.found(
        **verdict._asdict(), engine_mb=sizes[-1][0], engine_grew_percent=100 * grown[0],
        store_grew_percent=100 * grown[1], ingester_grew_percent=100 * grown[2], more_handles=max(opened),
    )  # fmt: skip
    assert verdict.good
    assert max(opened) <= (2 if form.full else 10)  # in the short form they may still be connecting at first
    assert not form.full or max(grown) < 0.05


def kill_engine(stand: Stand, _server: TimescaleServer) -> None:
    stand.engine.kill()
    stand.start_engine()


def stop_engine(stand: Stand, _server: TimescaleServer) -> None:
    stand.engine.stop()
    stand.start_engine()


def kill_store(stand: Stand, _server: TimescaleServer) -> None:
    stand.store.kill()
    stand.store.start()


def crash_database(_stand: Stand, server: TimescaleServer) -> None:
    server.crash()
    server.start()


def freeze_broker(stand: Stand, _server: TimescaleServer) -> None:
    stand.broker.pause()
    time.sleep(1.0)
    stand.broker.resume()
