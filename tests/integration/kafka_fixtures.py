"""Brokers for tests and what goes through them, made once a run and only if a test asks for it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flows.feeds import recorded_feed
from tests.integration.emptying import at_work, emptied
from tests.integration.golden import Golden, golden_of, record
from tests.integration.kafka_broker import KafkaBroker, MissingError, fetch
from tests.shared import shared

__all__ = ["brokers", "golden", "kafka", "recording", "spare_brokers"]


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """A real Apache Kafka; who pauses or restarts it leaves it running."""
    try:
        jars, archive = fetch()
    except MissingError as error:
        pytest.skip(f"real Apache Kafka: not run, because {error}")
    with KafkaBroker(tmp_path_factory.mktemp("kafka"), jars, archive=archive) as broker:
        yield broker


@pytest.fixture(scope="session")
def spare_brokers() -> Iterator[list[KafkaBroker]]:
    """Those that run and are empty."""
    spare: list[KafkaBroker] = []
    yield spare
    for broker in spare:
        broker.kill()


@pytest.fixture
def brokers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, spare_brokers: list[KafkaBroker]
) -> Iterator[Callable[[], KafkaBroker]]:
    """A maker of real brokers with empty topics, for tests that need all of the registry's to themselves.

    One that a test has left well is emptied for the next: half of what a test costs was a new broker's first work.
    """
    try:
        jars, archive = fetch()
    except MissingError as error:
        pytest.skip(f"real Apache Kafka: not run, because {error}")
    made: list[KafkaBroker] = []
    failed = request.session.testsfailed

    def make() -> KafkaBroker:
        if spare_brokers:
            made.append(spare_brokers.pop())
        else:
            made.append(KafkaBroker(tmp_path_factory.mktemp("kafka"), jars, archive=archive))
            made[-1].start()
        return made[-1]

    yield make
    left_well = request.session.testsfailed == failed and not at_work()
    for broker in made:
        if left_well and not broker.mistreated and emptied(broker):
            spare_brokers.append(broker)
        else:
            broker.kill()  # a clean end takes a second, and nobody comes back to its data


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated market with some history and some faults."""
    return shared(tmp_path_factory, "recording", lambda folder: record(folder / "market.jsonl.gz"))


@pytest.fixture(scope="session")
def golden(recording: Path, tmp_path_factory: pytest.TempPathFactory) -> Golden:
    """The results of its replay."""
    return shared(tmp_path_factory, "golden", lambda folder: golden_of(recorded_feed([str(recording)], None), folder))
