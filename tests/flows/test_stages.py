"""What went through each stage, and in one line why that cannot be told."""

import pytest

from flows.embedded.postgres import EmbeddedPostgres
from flows.settings import DatabaseSettings, KafkaSettings, Settings
from flows.stages import stages
from schemas.topics import TOPICS
from sinks.database import DatabaseError, UnreachableError
from sinks.migrate import migrate
from tests.integration.timescale_fixtures import new_database


def _settings(client: dict[str, str | int], dsn: str) -> Settings:
    rest: dict[str, str | int | float | bool] = {**client}
    return Settings(
        kafka=KafkaSettings(bootstrap=str(rest.pop("bootstrap.servers")), client=rest),
        database=DatabaseSettings(dsn=dsn),
    )


def test_every_topic_is_counted_and_its_table(embedded_kafka: dict[str, str | int], embedded: EmbeddedPostgres) -> None:
    with new_database(embedded.dsn) as dsn:
        with pytest.raises(DatabaseError, match=r'^database .*: relation "instruments" does not exist') as caught:
            stages(_settings(embedded_kafka, dsn))
        assert "\n" not in str(caught.value)
        migrate(dsn)
        found = {stage.topic: stage for stage in stages(_settings(embedded_kafka, dsn))}
    assert [*found] == [topic.name for topic in TOPICS]
    assert {topic for topic, stage in found.items() if stage.table is None} == {"market.events"}
    assert {stage.rows for stage in found.values()} == {0, None}


def test_a_server_that_is_away_is_named(embedded_kafka: dict[str, str | int]) -> None:
    with pytest.raises(UnreachableError, match=r"^database host=127.0.0.1 port=1: "):
        stages(_settings(embedded_kafka, "host=127.0.0.1 port=1"))
