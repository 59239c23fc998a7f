"""What went through each stage: messages a topic, rows a table."""

from confluent_kafka import Consumer
from msgspec import Struct
from psycopg.sql import SQL, Identifier

from flows.settings import Settings, kafka_client
from schemas.topics import TOPICS
from sinks.database import Connection, connect, in_one_line
from sinks.tables import TABLES
from sources.kafka import consumer, consumer_settings, offset_range, partitions_of

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
        # Tables first: both grow meanwhile, and no table must seem to have more than its topic.
        rows = {topic: _rows(connection, table.name) for topic, table in TABLES.items()}
        tables = {topic: table.name for topic, table in TABLES.items()}
        written = _written(asked, settings.kafka.bootstrap)
        return [Stage(topic, count, tables.get(topic), rows.get(topic)) for topic, count in written.items()]


def _written(asked: Consumer, bootstrap: str) -> dict[str, int]:
    known = partitions_of(asked, bootstrap)
    return {
        topic.name: sum(offset_range(asked, topic.name, number)[1] for number in known.get(topic.name, []))
        for topic in TOPICS
    }


def _rows(connection: Connection, table: str) -> int:
    counted = connection.execute(SQL("SELECT count(*) FROM {}").format(Identifier(table))).fetchone()
    return 0 if counted is None else int(counted[0])
