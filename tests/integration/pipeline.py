"""The whole way on real parts: a broker of its own, the command's subcommands as processes, tables read back."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from confluent_kafka import Consumer, TopicPartition

from schemas.topics import TOPICS
from tests.integration.kafka_broker import KafkaBroker

__all__ = ["COMMAND", "Pipeline", "Read", "results", "until"]

COMMAND: Final = [sys.executable, "-m", "flows.cli.main"]
RESULTS: Final = [topic.name for topic in TOPICS if topic.lane != "log"]

Read = dict[str, dict[str, list[bytes]]]
"""By topic and identifier, every value that stands there."""


class Pipeline:
    """A broker's topics, a recovery directory and a database, and the processes that work on them."""

    def __init__(
        self, broker: KafkaBroker, folder: Path, *, partitions: int, workers: int = 1, dsn: str = "", epoch_s: float = 1.0
    ) -> None:
        self.broker = broker
        self.environment = {
            **os.environ,
            "CANDLEWICK_KAFKA__BOOTSTRAP": broker.bootstrap,
            "CANDLEWICK_KAFKA__PARTITIONS": str(partitions),
            "CANDLEWICK_DATABASE__DSN": dsn or "postgresql:///nowhere",
            "CANDLEWICK_ENGINE__WORKERS": str(workers),
            "CANDLEWICK_ENGINE__RECOVERY_DIR": str(folder / "recovery"),
            "CANDLEWICK_ENGINE__EPOCH_INTERVAL_S": str(epoch_s),
        }
        self.run("topics", "create", "--keep")

    def start(self, *arguments: str, **more: str) -> "subprocess.Popen[str]":
        """A subcommand as a process."""
        return subprocess.Popen(
            [*COMMAND, *arguments], env={**self.environment, **more}, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *arguments: str, **more: str) -> str:
        """A subcommand to its end, which must be a good one; what it printed."""
        process = self.start(*arguments, **more)
        out, err = process.communicate(timeout=240)
        assert process.returncode == 0, f"{arguments}: {process.returncode}\n{out}\n{err}"
        return out

    def stop(self, process: "subprocess.Popen[str]", patience_s: float = 10.0) -> None:
        """SIGTERM, and a clean end in time."""
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=patience_s)
        assert process.returncode == 0, err

    def read(self) -> Read:
        """Everything committed in the result topics."""
        return results(self.broker.bootstrap)


def results(bootstrap: str) -> Read:
    """Everything committed in the result topics, dead letters by their place in the log left out nowhere."""
    found: Read = {topic: {} for topic in RESULTS}
    for topic, identifier, value in _messages(bootstrap):
        found[topic].setdefault(identifier, []).append(value)
    return found


def until(condition: Callable[[], bool], what: str, patience_s: float = 60.0) -> None:
    """Wait for ``condition``; ``what`` is said if it does not come."""
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {patience_s} s in vain for {what}"
        time.sleep(0.02)


def _messages(bootstrap: str) -> Iterator[tuple[str, str, bytes]]:
    settings: Mapping[str, str | bool] = {
        "bootstrap.servers": bootstrap, "group.id": "test", "enable.auto.commit": False,
        "auto.offset.reset": "earliest", "isolation.level": "read_committed", "enable.partition.eof": True,
    }  # fmt: skip
    consumer = Consumer(dict(settings))
    known = consumer.list_topics(timeout=10).topics
    places = [TopicPartition(topic, number, 0) for topic in RESULTS for number in known[topic].partitions]
    consumer.assign(places)
    open_places = {(place.topic, place.partition) for place in places}
    while open_places:
        for message in consumer.consume(5_000, 0.2):
            if message.error() is not None:
                assert message.error().name() == "_PARTITION_EOF", message.error()
                open_places.discard((message.topic(), message.partition()))
                continue
            headers = dict(message.headers() or [])
            yield message.topic(), headers["id"].decode(), message.value()
    consumer.close()
