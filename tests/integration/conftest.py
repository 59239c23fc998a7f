"""Servers that integration tests share, started once a run and only if a test asks for them."""

from collections.abc import Iterator

import pytest

from tests.integration.kafka_broker import KafkaBroker, MissingError, fetch
from tests.integration.timescale_fixtures import database, embedded, empty_database, timescale, timescale_database

__all__ = ["database", "embedded", "empty_database", "kafka", "timescale", "timescale_database"]


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """A real Apache Kafka; who pauses or restarts it leaves it running."""
    try:
        jars, archive = fetch()
    except MissingError as error:
        pytest.skip(f"real Apache Kafka: not run, because {error}")
    with KafkaBroker(tmp_path_factory.mktemp("kafka"), jars, archive=archive) as broker:
        yield broker
