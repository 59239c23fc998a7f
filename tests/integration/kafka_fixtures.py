"""Brokers for tests and what goes through them, made once a run and only if a test asks for it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flows.feeds import recorded_feed
from tests.integration.golden import Golden, golden_of, record
from tests.integration.kafka_broker import KafkaBroker, MissingError, fetch
from tests.shared import shared

__all__ = ["brokers", "golden", "kafka", "recording"]


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """A real Apache Kafka; who pauses or restarts it leaves it running."""
    try:
        jars, archive = fetch()
    except MissingError as error:
        pytest.skip(f"real Apache Kafka: not run, because {error}")
    with KafkaBroker(tmp_path_factory.mktemp("kafka"), jars, archive=archive) as broker:
        yield broker


@pytest.fixture
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], KafkaBroker]]:
    """A maker of real brokers with empty topics, for tests that need all of the registry's to themselves."""
    try:
        jars, archive = fetch()
    except MissingError as error:
        pytest.skip(f"real Apache Kafka: not run, because {error}")
    made: list[KafkaBroker] = []

    def make() -> KafkaBroker:
        made.append(KafkaBroker(tmp_path_factory.mktemp("kafka"), jars, archive=archive))
        made[-1].start()
        return made[-1]

    yield make
    for broker in made:
        broker.kill()  # a clean end takes a second, and nobody comes back to its data


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated market with some history and some faults."""
    return shared(tmp_path_factory, "recording", lambda folder: record(folder / "market.jsonl.gz"))


@pytest.fixture(scope="session")
def golden(recording: Path, tmp_path_factory: pytest.TempPathFactory) -> Golden:
    """The results of its replay."""
    return shared(tmp_path_factory, "golden", lambda folder: golden_of(recorded_feed([str(recording)], None), folder))
