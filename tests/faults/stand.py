"""The system on real parts: a market on its way through ingester, engine and store."""

import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from schemas.topics import LOG
from sinks.kafka_admin import LATEST
from tests.faults.market import RESULTS, Market
from tests.faults.member import Member
from tests.faults.verdict import Verdict, compare, compare_tables
from tests.integration.kafka_broker import KafkaBroker
from tests.integration.pipeline import Pipeline, until

__all__ = ["Stand"]

_LOOK_S: Final = 0.05  # oftener, looking would be a part of the broker's work
_SETTLED_S: Final = 0.3  # what a killed process had on the wire has arrived, and no new one can be ready


class Stand:
    """A broker's topics, a recovery directory, a database, and the processes that work on them, ended with it."""

    def __init__(
        self, broker: KafkaBroker, folder: Path, market: Market, *,
        dsn: str = "", partitions: int = 4, epoch_s: float = 0.5, settings: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.broker, self.folder, self.market, self.dsn = broker, folder, market, dsn
        self.pipeline = Pipeline(broker, folder, partitions=partitions, dsn=dsn, epoch_s=epoch_s)
        self.pipeline.environment.update(settings or {})
        self._members: list[Member] = []
        self.engine, self.store = self.member("run"), self.member("store")
        self._asked = AdminClient({**broker.client, "log_level": 0, "reconnect.backoff.max.ms": 200})
        self._ends = {topic: dict.fromkeys(range(partitions), 0) for topic in (LOG, *RESULTS)}
        self._before = 0

    def member(self, *arguments: str) -> Member:
        """A subcommand that is not yet started."""
        self._members.append(Member(self.pipeline.environment, self.folder / f"{arguments[0]}.txt", *arguments))
        return self._members[-1]

    def supervise(self, *stages: str) -> None:
        """Let `engine` be a supervisor of these stages."""
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.pipeline.environment["CANDLEWICK_SUPERVISOR__PORT"] = str(probe.getsockname()[1])
        self.engine = self.member("up", *stages)

    def feed(self, speed: float | None = None) -> Member:
        """An ingester at work on the market, so many times as fast as time."""
        ingester = self.member(*self.market.played(speed))
        ingester.start()
        return ingester

    def results(self) -> int:
        """Messages in the topics `RESULTS`, or as many as were last known of."""
        return self._count(RESULTS)

    def _count(self, topics: Sequence[str]) -> int:
        places = {TopicPartition(topic, number): LATEST for topic in topics for number in self._ends[topic]}
        try:
            for place, answer in self._asked.list_offsets(places, request_timeout=5.0).items():
                if (offset := answer.result().offset) >= 0:  # below, the connection went away under the question
                    self._ends[place.topic][place.partition] = offset
        except KafkaException:
            with suppress(KafkaException):
                self._asked.list_topics(timeout=1.0)  # who leads now
        return sum(sum(self._ends[topic].values()) for topic in topics)

    def start_engine(self, **more: str) -> None:
        """A new engine, which has to bring `results` forward from where they are now."""
        self.engine.start(**more)
        time.sleep(_SETTLED_S)
        self._before = self.results()

    def ready_s(self, patience_s: float = 30.0) -> float:
        """Seconds from the engine's start to its first new result."""
        self.wait(self._before + 1, patience_s)
        return time.monotonic() - self.engine.began

    def wait(self, results: int, patience_s: float = 60.0) -> None:
        """Until there are so many, while the engine runs."""
        deadline = time.monotonic() + patience_s
        while (found := self.results()) < results:
            state = f"{found} of {results} results after {patience_s:.0f} s; the engine:\n{self.engine.words()}"
            assert self.engine.alive, state
            assert time.monotonic() < deadline, state
            time.sleep(_LOOK_S)

    def wait_for_log(self, messages: int) -> None:
        """Until the log has so many."""
        until(lambda: self._count([LOG]) >= messages, f"{messages} messages in the log")

    def more(self, patience_s: float) -> float:
        """Seconds until there is another result, or all of the market are there, while the engine runs."""
        began = time.monotonic()
        self.wait(min(self.results() + 1, self.market.results), patience_s)
        return time.monotonic() - began

    def finish(self) -> None:
        """The engine, and the store if it runs, to the end of what is there now."""
        if self.engine.alive:
            self.engine.stop()
        self.pipeline.run("run", "--until-end")
        if self.store.alive:
            self.store.stop()
        if self.dsn:
            self.pipeline.run("store", "--until-end")

    def verdict(self) -> Verdict:
        """Topics and tables against the golden run."""
        topics = compare(self.pipeline.read(), self.market.golden)
        if not self.dsn:
            return topics
        tables = compare_tables(self.dsn, self.market.tables)
        return Verdict(*(one + other for one, other in zip(topics, tables, strict=True)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for member in self._members:
            member.kill()
