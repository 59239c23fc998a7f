"""Hours of a market at fifty times its speed, with a fault each quarter of an hour: nothing is lost, nothing grows."""

import time
from collections import defaultdict
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Final

import pytest

from tests.faults.conftest import Form, Markets
from tests.faults.stand import Stand
from tests.faults.table import Finding
from tests.integration.kafka_broker import KafkaBroker
from tests.integration.timescale_server import TimescaleServer

pytestmark = [pytest.mark.integration, pytest.mark.fault("soak")]

_SPEED: Final = 50.0
_SHORT_SPEED: Final = 75.0
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
    speed = _SPEED if form.full else _SHORT_SPEED
    finding.injected(f"{seconds / 3_600:.1f} hours at {speed:.0f}x, {faults} faults: kills, crashes, freezes, SIGTERM")
    with Stand(brokers(), tmp_path, market(seconds), dsn=timescale_database, epoch_s=2.0) as stand:
        feed = stand.feed(speed)
        stand.start_engine()
        stand.store.start()
        killing, sparing = cycle((kill_engine, kill_store, stop_engine)), cycle((crash_database, freeze_broker))
        sizes: dict[str, list[float]] = defaultdict(list)
        handles: dict[str, list[int]] = defaultdict(list)
        began = time.monotonic()
        for number in range(faults):
            second_half = number >= faults // 2
            fault = next(sparing if second_half or number % 2 else killing)
            fault(stand, timescale)
            stand.more(_PATIENCE_S)
            time.sleep(max(0.0, began + (number + 1) * seconds / faults / speed - time.monotonic()))
            watched = {"engine": stand.engine, "store": stand.store, "ingester": feed} if second_half else {}
            for name, member in watched.items():
                assert member.alive or member is feed, member.words()
                if member.alive:  # where all is slow, the ingester may be at its end
                    sizes[name].append(member.memory_mb)
                    handles[name].append(member.files)
        feed.end()
        stand.wait(stand.market.results)
        stand.finish()
        verdict = stand.verdict()
    grown = {f"{name}_grew_percent": 100 * (seen[-1] / seen[0] - 1) for name, seen in sizes.items()}
    opened = max(seen[-1] - seen[0] for seen in handles.values())
    finding.found(**verdict._asdict(), engine_mb=sizes["engine"][-1], **grown, more_handles=opened)
    assert verdict.good
    assert opened <= (2 if form.full else 10)  # in the short form they may still be connecting at first
    assert not form.full or (len(grown) == 3 and max(grown.values()) < 5.0)


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
    stand.broker.recover()
