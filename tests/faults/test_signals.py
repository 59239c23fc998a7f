"""Signals from outside: asked to end, frozen for a minute, killed for its memory."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.conftest import Markets
from tests.faults.stand import Stand
from tests.faults.table import Finding
from tests.integration.kafka_broker import KafkaBroker
from tests.integration.pipeline import until

pytestmark = [pytest.mark.integration, pytest.mark.fault("signals")]

_SECONDS = 600


def test_sigterm(market: Markets, brokers: Callable[[], KafkaBroker], tmp_path: Path, finding: Finding) -> None:
    """Exit 0 within ten seconds, under load as at rest, and nothing is delivered again, not even a feature."""
    finding.injected("SIGTERM under load and at rest")
    with Stand(brokers(), tmp_path, market(_SECONDS), epoch_s=30.0) as stand:
        stand.feed().end()
        stand.start_engine()
        stand.wait(200)
        took = [stand.engine.stop()]
        stand.finish()
        written = stand.results()
        stand.start_engine()
        until(stand.pipeline.engine_holds_its_state, "the engine to take its recovery directory")
        took.append(stand.engine.stop())
        verdict, again = stand.verdict(), stand.results() - written
    finding.found(**verdict._asdict(), written_again=again, exit_s_max=max(took))
    assert verdict.good
    assert not verdict.repeated
    assert not again
