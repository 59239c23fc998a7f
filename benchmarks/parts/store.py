"""How many rows a second the store moves from the topics into TimescaleDB."""

from collections.abc import Iterator
from typing import Final

from confluent_kafka import Consumer, TopicPartition

from benchmarks.broker import Stage, send
from benchmarks.context import Context
from benchmarks.data import Written
from benchmarks.figures import Figure, of_runs
from schemas.identifiers import derive
from schemas.partitioner import partition_for
from sinks.migrate import migrate
from tests.integration.timescale_fixtures import new_database
from tests.integration.timescale_server import TimescaleServer, fetch

__all__ = ["NAME", "measure"]

NAME: Final = "store"
_TOPICS: Final = ("features.books", "features.bars", "features.vectors")


def measure(context: Context) -> list[Figure]:
    """The engine's own results, repeated under other identifiers until there are enough."""
    at = context.stage(30, 100.0 if context.quick else 400.0, history=60)
    context.engine(at)
    records = {topic: list(_read(at, topic)) for topic in _TOPICS}
    sets = [*((topic,) for topic in _TOPICS), _TOPICS]
    return [_rate(context, {topic: records[topic] for topic in topics}) for topics in sets]


def _rate(context: Context, records: dict[str, list[Written]]) -> Figure:
    wanted = 40_000 if context.quick else 300_000
    at = context.empty((), 0)
    whole = sum(map(len, records.values()))
    count = 0
    for topic, found in records.items():
        count += send(at.broker.client, _repeated(found, wanted // whole + 1), topic, header="id")
    rates: list[float] = []
    with TimescaleServer(fetch()) as server:
        for _ in range(min(context.runs, 3)):
            with new_database(server.dsn) as dsn:
                migrate(dsn)
                done = context.job("store", at, dsn=dsn)
            if done.messages != count:
                raise RuntimeError(f"{done.messages} rows were stored of {count}")
            rates.append(done.rate / 1_000)
    mixed = len(records) > 1
    name = "as the engine writes them" if mixed else next(iter(records)).removeprefix("features.")
    target = {"at_least": 100.0} if mixed else {}
    figure = of_runs(NAME, f"rows of {name}", rates, "thousand rows/s", **target)
    context.say(f"{figure.name}: {figure.value:,.0f} thousand/s")
    return figure


def _read(at: Stage, topic: str) -> Iterator[Written]:
    consumer = Consumer({"bootstrap.servers": at.bootstrap, "group.id": "read", "enable.auto.commit": False})
    numbers = consumer.list_topics(topic, 10).topics[topic].partitions
    places = [TopicPartition(topic, number) for number in numbers]
    left = 0
    for place in places:
        place.offset, end = consumer.get_watermark_offsets(place, 10)
        left += end - place.offset
    consumer.assign(places)
    while left > 0:
        for message in consumer.consume(1_000, 0.2):
            left -= 1
            key = (message.key() or b"").decode()
            identifier = dict(message.headers() or [])["id"]
            assert isinstance(identifier, bytes)
            yield Written(key, message.partition() or 0, message.value() or b"", message.timestamp()[1], identifier)
    consumer.close()


def _repeated(records: list[Written], times: int) -> Iterator[Written]:
    """Under a new instrument and a new identifier each time."""
    for number in range(times):
        for record in records:
            name = f"{record.key}:{number}"
            new = derive("bench", record.kind.decode(), number).encode()
            value = record.value.replace(record.kind, new, 1).replace(record.key.encode(), name.encode(), 1)
            yield Written(name, partition_for(name, 12), value, record.ts_received * 1_000_000, new)
