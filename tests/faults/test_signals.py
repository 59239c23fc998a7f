"""Signals from outside: asked to end, frozen for a minute, killed for its memory."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from sinks.vitals import read_vitals
from tests.faults.conftest import Form, Markets
from tests.faults.memory import memory_group
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
        holds = stand.pipeline.engine_holds_its_state
        until(lambda: holds() or not stand.engine.alive, "the engine to take its recovery directory")
        took.append(stand.engine.stop())
        verdict, again = stand.verdict(), stand.results() - written
    finding.found(**verdict._asdict(), written_again=again, exit_s_max=max(took))
    assert verdict.good
    assert not verdict.repeated
    assert not again


@pytest.mark.full
def test_killed_for_its_memory(
    market: Markets, brokers: Callable[[], KafkaBroker], tmp_path: Path, finding: Finding
) -> None:
    """By the kernel, as it catches up: like any kill -9."""
    finding.injected("out-of-memory kill of the engine by the kernel (memory cgroup)")
    with memory_group() as group, Stand(brokers(), tmp_path, market(_SECONDS)) as stand:
        feed = stand.feed(speed=_SECONDS / 8)
        stand.start_engine(CANDLEWICK_ENGINE__BATCH_SIZE="200")
        assert stand.engine.process is not None
        group.add(stand.engine.process.pid)
        stand.wait(50)
        stand.engine.send(signal.SIGSTOP)  # until there is more to fetch than it may keep
        feed.end()
        group.tighten(0)
        stand.engine.send(signal.SIGCONT)
        status = stand.engine.wait()
        stand.start_engine()
        ready_s = stand.ready_s()
        stand.finish()
        verdict = stand.verdict()
    finding.found(**verdict._asdict(), exit_status=status, ready_s=ready_s)
    assert status == -signal.SIGKILL
    assert verdict.good
    assert ready_s < 5.0


@pytest.mark.full
def test_frozen_for_a_minute(
    form: Form, market: Markets, brokers: Callable[[], KafkaBroker], timescale_database: str, tmp_path: Path,
    finding: Finding,
) -> None:  # fmt: skip
    """The supervisor finds the engine by its lack of progress, and starts another in its place."""
    frozen_s = form.amount(30.0, 60.0)
    finding.injected(f"SIGSTOP of the supervised engine for {frozen_s:.0f} s")
    with Stand(brokers(), tmp_path, market(_SECONDS), dsn=timescale_database) as stand:
        stand.supervise("engine", "store")
        feed = stand.feed(speed=_SECONDS / (frozen_s + 20))
        stand.start_engine()
        stand.ready_s()
        (engine,) = read_vitals(tmp_path / "vitals", ["engine"])
        os.kill(engine.pid, signal.SIGSTOP)
        time.sleep(0.5)
        found_s = stand.more(60.0)
        with suppress(ProcessLookupError):
            os.kill(engine.pid, signal.SIGCONT)
        feed.end()
        stand.wait(stand.market.results)
        stand.finish()
        verdict = stand.verdict()
    finding.found(**verdict._asdict(), next_result_s=found_s)
    assert verdict.good
    assert found_s < 30.0
