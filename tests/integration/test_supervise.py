"""`candlewick up` on real parts: what dies or hangs is found and got over."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sinks.vitals import read_vitals
from tests.integration.kafka_broker import KafkaBroker
from tests.integration.pipeline import Pipeline
from tests.integration.up import Up

pytestmark = pytest.mark.integration


@pytest.fixture
def pipeline(brokers: Callable[[], KafkaBroker], tmp_path: Path) -> Iterator[Pipeline]:
    """A broker of the test's own, and two workers."""
    with closing(Pipeline(brokers(), tmp_path, partitions=4, workers=2)) as made:
        yield made


def test_a_killed_engine_is_back_a_stopped_worker_found_another_takes_over_and_all_end_in_time(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    begun = time.monotonic()
    up = Up(pipeline, tmp_path, "engine", stall_s="3")
    first = up.kill_engine()
    started = time.monotonic()
    up.wait_for(lambda: up.engine() not in (0, first), "another engine")
    assert time.monotonic() - started < max(5.0, 2 * (started - begun))  # a busy machine took long the first time too

    second = up.engine()
    stopped = read_vitals(tmp_path / "vitals", ["engine"])[1].pid
    os.kill(stopped, signal.SIGSTOP)
    up.wait_for(lambda: up.engine() not in (0, second), "an engine in the place of the one that hangs")
    assert not Path(f"/proc/{stopped}").exists()
    assert not up.wrong().keys() & {"engine", "lag"}

    third = up.engine()
    other = Up(pipeline, tmp_path, "engine", "--take-over")
    _, errors = up.process.communicate(timeout=15)
    assert up.process.returncode == 0, errors
    other.wait_for(lambda: other.engine() not in (0, third), "an engine of the supervisor that took over")
    fourth = other.engine()
    pipeline.stop(other.process, patience_s=10.0)
    assert not Path(f"/proc/{fourth}").exists()
