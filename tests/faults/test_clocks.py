"""Clocks that are wrong: records from the future, and a host whose time of day is set under the processes."""

import json
import signal
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from schemas.codec import encode
from schemas.errors import AwayError
from schemas.market import Heartbeat, Trade
from schemas.time import HOUR
from schemas.topics import LOG
from sinks.log_writer import LogWriter
from sources.simulator import LISTINGS
from tests.faults.clock import HostClock
from tests.faults.conftest import Form, Markets
from tests.faults.market import START
from tests.faults.stand import Stand
from tests.faults.table import Finding
from tests.faults.verdict import compare
from tests.integration.kafka_broker import KafkaBroker

pytestmark = [pytest.mark.integration, pytest.mark.fault("clocks")]

_SECONDS: Final = 600
_HOUR_S: Final = 3_600


@pytest.mark.full
def test_the_host_clock_is_set(
    form: Form,
    market: Markets,
    brokers: Callable[[], KafkaBroker],
    timescale_database: str,
    tmp_path: Path,
    finding: Finding,
) -> None:
    """An hour ahead, right again, an hour behind; ingester, engine and store are all on that host."""
    finding.injected("clock of ingester, engine and store set 1 h ahead, right again, 1 h behind")
    clock = HostClock(tmp_path)
    waited: list[float] = []
    with Stand(brokers(), tmp_path, market(_SECONDS), dsn=timescale_database, settings=clock.environment) as stand:
        stand.supervise("engine", "store")
        feed = stand.feed(speed=_SECONDS / 30)
        stand.start_engine()
        for ahead_s in (_HOUR_S, 0, -_HOUR_S):
            stand.more(30)
            clock.set(ahead_s)
            if ahead_s < _HOUR_S:  # set back: it ends, and whoever runs it starts it again
                assert feed.wait(10) == AwayError.exit_status
                feed = stand.feed(speed=_SECONDS / 30)
            waited += [stand.more(30) for _ in range(20)]
        feed.end()
        stand.wait(stand.market.results)
        stand.finish()
        verdict = stand.verdict()
    finding.found(**verdict._asdict(), longest_wait_for_a_result_s=max(waited))
    assert verdict.good
    assert max(waited) < 10.0


def test_records_of_an_hour_ahead(
    market: Markets, brokers: Callable[[], KafkaBroker], tmp_path: Path, finding: Finding
) -> None:
    """In the middle of the market; each becomes a dead letter, and nothing else comes of it."""
    finding.injected("a trade an hour ahead of its receipt; a trade and a heartbeat received an hour ahead")
    now, later = START, START + HOUR
    names = [listing.instrument_id for listing in LISTINGS]
    wrong: list[Trade | Heartbeat] = [
        Trade(instrument_id=names[0], ts_event=later, ts_received=now, price=1.0, size=1.0),
        Trade(instrument_id=names[1], ts_event=later, ts_received=later, price=1.0, size=1.0),
        Heartbeat(instrument_id=names[2], ts_event=later, ts_received=later, source="simulator", connected=True),
    ]
    with Stand(brokers(), tmp_path, market(_SECONDS)) as stand:
        feed = stand.feed(speed=_SECONDS / 6)
        stand.wait_for_log(1_000)
        feed.send(signal.SIGSTOP)  # so that the market goes on after them, however slow the writing is
        with LogWriter(stand.broker.client) as log:
            for record in wrong:
                log.write(record)
        feed.send(signal.SIGCONT)
        stand.start_engine()
        feed.end()
        stand.finish()
        found = stand.pipeline.read()
    letters = {i: json.loads(value) for i, (value, *_) in found["dead_letters"].items()}
    refused = {i: b64decode(letter["value"]) for i, letter in letters.items() if letter["topic"] == LOG}
    found["dead_letters"] = {i: values for i, values in found["dead_letters"].items() if i not in refused}
    verdict = compare(found, market(_SECONDS).golden)
    finding.found(**verdict._asdict(), quarantined=len(refused))
    assert sorted(refused.values()) == sorted(encode(record) for record in wrong)
    assert verdict.good
