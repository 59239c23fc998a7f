"""The whole way on real parts: a broker of its own, the command's subcommands as processes, tables read back."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, cast

import psycopg
from confluent_kafka import Consumer, Producer, TopicPartition

from schemas.topics import TOPICS
from sinks.clients import admin
from sinks.figures import TOPIC_OF
from sinks.kafka_admin import LATEST
from sinks.topics import create_topics
from tests.integration.golden import SETTINGS
from tests.integration.kafka_broker import KafkaBroker

__all__ = ["COMMAND", "Pipeline", "Read", "results", "rows", "until"]

COMMAND: Final = [sys.executable, "-m", "flows.child", str(os.getpid())]
"""`candlewick` as a process that ends with this one, whatever becomes of the test."""
RESULTS: Final = [topic.name for topic in TOPICS if topic.lane != "log"]

Read = dict[str, dict[str, list[bytes]]]
"""By topic and identifier, every value that stands there."""


class Pipeline:
    """A broker's topics, a recovery directory and a database, and the processes that work on them."""

    def __init__(
        self,
        broker: KafkaBroker,
        folder: Path,
        *,
        partitions: int,
        workers: int = 1,
        dsn: str = "",
        epoch_s: float = 1.0,
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
            "CANDLEWICK_SUPERVISOR__DIR": str(folder / "vitals"),
            "CANDLEWICK_STRATEGY": SETTINGS.strategy.model_dump_json(),
        }
        self._started: list[subprocess.Popen[str]] = []
        self._asked = admin(broker.client)
        create_topics(self._asked, partitions=partitions, replication=1, keep=True)

    def start(self, *arguments: str, **more: str) -> "subprocess.Popen[str]":
        """A subcommand as a process."""
        process = subprocess.Popen(
            [*COMMAND, *arguments], env={**self.environment, **more}, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self._started.append(process)
        return process

    def close(self) -> None:
        """End what a test that failed has left behind."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
                process.communicate()

    def run(self, *arguments: str, **more: str) -> str:
        """A subcommand to its end, which must be a good one; what it printed."""
        process = self.start(*arguments, **more)
        out, err = process.communicate(timeout=240)
        assert process.returncode == 0, f"{arguments}: {process.returncode}\n{out}\n{err}"
        return out

    def kill_acknowledged(self, seen: Callable[[], bool], **more: str) -> None:
        """An engine that dies when something is ``seen``, with all that it wrote acknowledged and no state kept.

        At a failpoint of the writing nobody knows how much of what was handed on the broker has.
        """
        armed = {"CANDLEWICK_FAILPOINT": "features.settle.after", "CANDLEWICK_ENGINE__EPOCH_INTERVAL_S": "600"}
        engine = self.start("run", **armed, **more)
        until(seen, "what an engine shall do before it dies", engine)
        engine.terminate()
        _, err = engine.communicate(timeout=60)
        assert engine.returncode == -signal.SIGKILL, err

    def stop(self, process: "subprocess.Popen[str]", patience_s: float = 10.0) -> None:
        """SIGTERM, and a clean end in time."""
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=patience_s)
        assert process.returncode == 0, err

    def fail(self, *arguments: str, status: int, **more: str) -> str:
        """A subcommand that must end with ``status``; all that it printed."""
        process = self.start(*arguments, **more)
        out, err = process.communicate(timeout=240)
        assert process.returncode == status, f"{arguments}: {process.returncode}\n{out}\n{err}"
        return out + err

    def engine_holds_its_state(self) -> bool:
        """Whether an engine runs here."""
        try:
            with (Path(self.environment["CANDLEWICK_ENGINE__RECOVERY_DIR"]) / "engine.lock").open() as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def results(self) -> int:
        """Messages of the features lane's main topics."""
        return sum(self.count(topic) for topic in ("features.bars", "features.books", "features.vectors"))

    def wait_for_results(self, goal: int, engine: "subprocess.Popen[str]") -> None:
        """Until so many `results` are there, while ``engine`` runs."""
        until(lambda: self.results() >= goal, f"{goal} results", engine)

    def count(self, topic: str) -> int:
        """Messages of a topic, transaction markers among them."""
        return sum(self.ends(topic).values())

    def ends(self, topic: str) -> dict[int, int]:
        """By partition the offset after its last message."""
        numbers = self._asked.list_topics(topic, timeout=10).topics[topic].partitions
        places = {TopicPartition(topic, at): LATEST for at in numbers}
        found = self._asked.list_offsets(places, request_timeout=10)
        return {place.partition: answer.result().offset for place, answer in found.items()}

    def plant(self, topic: str, key: str, identifier: str, value: bytes, beside: bytes) -> None:
        """Write ``value`` under an identifier that stands there with the content ``beside``, at the same time stamp."""
        ts_ms = json.loads(beside)["ts_decided"] // 1_000_000
        producer = Producer({"bootstrap.servers": self.broker.bootstrap})
        producer.produce(topic, value, key, timestamp=ts_ms, headers={"id": identifier.encode()})
        assert producer.flush(10) == 0

    def read(self) -> Read:
        """Everything committed in the result topics."""
        return results(self.broker.bootstrap)


def results(bootstrap: str) -> Read:
    """Everything committed in the result topics, dead letters by their place in the log left out nowhere."""
    found: Read = {topic: {} for topic in RESULTS}
    for topic, identifier, value in _messages(bootstrap):
        found[topic].setdefault(identifier, []).append(value)
    return found


def rows(dsn: str) -> dict[str, set[str]]:
    """The identifiers in every table of results that has rows, by topic."""
    found: dict[str, set[str]] = {}
    with psycopg.connect(dsn) as connection:
        for table, topic in (TOPIC_OF | {"instruments": "reference.instruments"}).items():
            column = "instrument_id" if table == "instruments" else "id::text"
            stored = connection.execute(f"SELECT {column} FROM {table}".encode()).fetchall()
            if stored:
                assert len(stored) == len({row[0] for row in stored}), table
                found[topic] = {row[0] for row in stored}
    return found


def until(
    condition: Callable[[], bool], what: str, process: "subprocess.Popen[str] | None" = None, patience_s: float = 60.0
) -> None:
    """Wait for ``condition``; say ``what`` if it does not come, and what a process said that ended meanwhile."""
    deadline = time.monotonic() + patience_s
    while not condition():
        assert process is None or process.poll() is None, process.communicate() if process else ""
        assert time.monotonic() < deadline, f"waited {patience_s} s in vain for {what}"
        time.sleep(0.02)


def _messages(bootstrap: str) -> Iterator[tuple[str, str, bytes]]:
    settings: Mapping[str, str | int | bool] = {
        "bootstrap.servers": bootstrap, "group.id": "test", "enable.auto.commit": False,
        "auto.offset.reset": "earliest", "isolation.level": "read_committed", "enable.partition.eof": True,
        "fetch.wait.max.ms": 10,  # for the ends of topics where nothing more comes
    }  # fmt: skip
    consumer = Consumer(dict(settings))
    known = consumer.list_topics(timeout=10).topics
    places = [TopicPartition(topic, number, 0) for topic in RESULTS for number in known[topic].partitions]
    consumer.assign(places)
    open_places = {(place.topic, place.partition) for place in places}
    while open_places:
        for message in consumer.consume(5_000, 0.2):
            error = message.error()
            if error is not None:
                assert error.name() == "_PARTITION_EOF", error
                open_places.discard((message.topic(), message.partition()))
                continue
            identifier = dict(message.headers() or [])["id"]
            yield str(message.topic()), cast("bytes", identifier).decode(), message.value() or b""
    consumer.close()
