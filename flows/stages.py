"""What went through each stage: messages a topic, rows a table."""

from typing import Final

from confluent_kafka import Consumer, TopicPartition
from msgspec import Struct
from psycopg.sql import SQL, Identifier

from flows.settings import Settings, kafka_client
from schemas.topics import TOPICS
from sinks.database import connect
from sinks.figures import TABLES
from sources.kafka import TIMEOUT_S, consumer_settings

__all__ = ["Stage", "stages"]

_TABLE_OF: Final = {topic: table for table, topic in TABLES.items()} | {"reference.instruments": "instruments"}


class Stage(Struct, frozen=True):
    """One topic and the table that is filled from it."""

    topic: str
    messages: int
    """Written to it, transaction markers among them."""
    table: str | None
    rows: int | None


def stages(settings: Settings) -> list[Stage]:
    """All topics in the order of the registry."""
    found = []
    client = consumer_settings(kafka_client(settings))
    with Consumer(client) as consumer, connect(settings.database.dsn) as connection:
        known = consumer.list_topics(timeout=TIMEOUT_S).topics
        for topic in TOPICS:
            numbers = known[topic.name].partitions if topic.name in known else ()
            ends = [consumer.get_watermark_offsets(TopicPartition(topic.name, n), TIMEOUT_S)[1] for n in numbers]
            table, rows = _TABLE_OF.get(topic.name), None
            if table is not None:
                counted = connection.execute(SQL("SELECT count(*) FROM {}").format(Identifier(table))).fetchone()
                rows = None if counted is None else int(counted[0])
            found.append(Stage(topic.name, sum(ends), table, rows))
    return found
