"""What went through each stage: messages a topic, rows a table."""

from confluent_kafka import Consumer, KafkaException, TopicPartition
from msgspec import Struct
from psycopg.sql import SQL, Identifier

from flows.settings import Settings, kafka_client
from schemas.topics import TOPICS
from sinks.database import Connection, connect, in_one_line
from sinks.tables import TABLES
from sources.kafka import TIMEOUT_S, LogError, consumer, consumer_settings, words

__all__ = ["Stage", "stages"]


class Stage(Struct, frozen=True):
    """One topic and the table that is filled from it."""

    topic: str
    messages: int
    """Written to it, transaction markers among them."""
    table: str | None
    rows: int | None


def stages(settings: Settings) -> list[Stage]:
    """All topics in the order of the registry.

    Raises:
        LogError: the broker does not answer.
        DatabaseError: the database does not, or lacks a table.
    """
    dsn = settings.database.dsn
    with in_one_line(dsn), consumer(consumer_settings(kafka_client(settings))) as asked, connect(dsn) as connection:
        try:
            written = _written(asked)
        except KafkaException as error:
            raise LogError(f"Kafka at {settings.kafka.bootstrap} does not answer: {words(error)}") from error
        tables = {topic: TABLES[topic].name if topic in TABLES else None for topic in written}
        return [
            Stage(topic, written[topic], table, None if table is None else _rows(connection, table))
            for topic, table in tables.items()
        ]


def _written(asked: Consumer) -> dict[str, int]:
    known = asked.list_topics(timeout=TIMEOUT_S).topics
    places = {topic.name: known[topic.name].partitions if topic.name in known else () for topic in TOPICS}
    return {
        topic: sum(asked.get_watermark_offsets(TopicPartition(topic, number), TIMEOUT_S)[1] for number in numbers)
        for topic, numbers in places.items()
    }


def _rows(connection: Connection, table: str) -> int:
    counted = connection.execute(SQL("SELECT count(*) FROM {}").format(Identifier(table))).fetchone()
    return 0 if counted is None else int(counted[0])
