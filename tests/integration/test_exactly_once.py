"""Two engines at once: every identifier once for who reads committed signals, and no feature lost."""

import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from schemas.partitioner import partition_for
from tests.integration.echo_flow import Task, expected
from tests.integration.kafka_broker import KafkaBroker
from tests.kafka_tools import ends, make_topic, put, read_all

pytestmark = pytest.mark.integration

PARTITIONS = 12
KEYS = [f"sim:C{number}/USDT" for number in range(30)]
RECORDS = 6_000
TS_MS = 1_723_161_300_000


@pytest.fixture
def task(kafka: KafkaBroker, tmp_path: Path) -> Task:
    """A full log, empty outputs."""
    client = {"bootstrap.servers": kafka.bootstrap}
    log = make_topic(client, "log", PARTITIONS)
    homes = [(key.encode(), partition_for(key, PARTITIONS)) for key in KEYS]
    put(client, ((homes[i % 30][0], b"%d" % i, homes[i % 30][1], TS_MS + i) for i in range(RECORDS)), log)
    return Task(
        bootstrap=kafka.bootstrap, log=log, recovery=str(tmp_path / "recovery"), transactional_id=log,
        features=[make_topic(client, "features", PARTITIONS), make_topic(client, "quality", PARTITIONS)],
        signals=[make_topic(client, "candidates", 1), make_topic(client, "published", 1)],
    )  # fmt: skip


def start(task: Task) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.integration.echo_flow", msgspec.json.encode(task).decode()]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def wait_for(condition: Callable[[], bool], what: str, timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}"
        time.sleep(0.01)


def run_until(task: Task, used: int) -> "subprocess.Popen[str]":
    """An engine that has brought the outputs to ``used`` offsets."""
    engine = start(task)
    outputs = [*task.features, *task.signals]
    wait_for(lambda: ends(task.client, outputs) >= used or engine.poll() is not None, f"{used} offsets in use")
    assert engine.poll() is None, engine.communicate()[1]
    return engine


def finish(task: Task) -> None:
    engine = start(task)
    _, errors = engine.communicate(timeout=60)
    assert engine.returncode == 0, errors


def check(task: Task) -> None:
    """Every signal once; every feature, perhaps more than once with the same content."""
    wanted = {}
    for read in read_all(task.client, task.log):
        key = read.key.decode()
        for record in expected(task, key, read.partition, read.offset, 0, read.value):
            wanted[record.id] = (record.topic, record.key.encode(), record.value)
    signals = [(read, topic) for topic in task.signals for read in read_all(task.client, topic)]
    assert set(Counter(read.identifier for read, _ in signals).values()) == {1}
    features = [(read, topic) for topic in task.features for read in read_all(task.client, topic)]
    found = {(read.identifier, topic, read.key, read.value) for read, topic in signals + features}
    assert found == {(identifier, *rest) for identifier, rest in wanted.items()}
    assert all(read.partition == partition_for(read.key.decode(), PARTITIONS) for read, _ in features)


def test_a_zombie_wakes_up_after_its_successor_began(task: Task, tmp_path: Path) -> None:
    zombie = run_until(task, 1_500)
    zombie.send_signal(signal.SIGSTOP)
    successor = tmp_path / "successor"
    shutil.copytree(task.recovery, successor)
    finish(msgspec.structs.replace(task, recovery=str(successor)))
    zombie.send_signal(signal.SIGCONT)
    _, errors = zombie.communicate(timeout=60)
    assert zombie.returncode != 0
    assert "another engine writes as" in errors
    check(task)
