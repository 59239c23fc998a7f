"""The engine is away while the market goes on for ten minutes, and then takes the backlog at full speed."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from schemas.topics import LOG
from tests.faults.conftest import Form, Markets
from tests.faults.market import SMOOTH
from tests.faults.stand import Stand
from tests.faults.table import Finding
from tests.integration.kafka_broker import KafkaBroker

pytestmark = [pytest.mark.integration, pytest.mark.fault("outage")]

_OUTAGE: Final = 600
_SECONDS: Final = 180 + _OUTAGE


def test_ten_minutes_and_then_the_backlog(
    form: Form, market: Markets, brokers: Callable[[], KafkaBroker], tmp_path: Path, finding: Finding
) -> None:
    """What was late on arrival was not late for the market: the same bars, nothing called late, each close once."""
    outage_s = form.amount(4.0, 120.0)
    finding.injected(f"engine killed, away for 10 minutes of the market ({outage_s:.0f} s), then the backlog at once")
    with Stand(brokers(), tmp_path, market(_SECONDS, SMOOTH)) as stand:
        feed = stand.feed(speed=_OUTAGE / outage_s)
        stand.start_engine()
        stand.ready_s()
        stand.engine.kill()
        seen = stand.pipeline.count(LOG)
        feed.end(outage_s + 60)
        backlog = stand.pipeline.count(LOG) - seen
        stand.start_engine()
        stand.wait(stand.market.results, 120)
        took_s = time.monotonic() - stand.engine.began
        stand.finish()
        found, verdict = stand.pipeline.read(), stand.verdict()
    gaps = [json.loads(value) for (value, *_) in found["quality.gaps"].values()]
    late = sum(gap["kind"] == "late" for gap in gaps)
    finding.found(**verdict._asdict(), late=late, backlog_events=backlog, backlog_s=took_s)
    assert verdict.good
    assert not late
