"""Offsets that are deleted before they were read: everybody stops and names the range, and there is a way on."""

import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Final

import psycopg
import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from schemas.topics import LOG
from tests.faults.conftest import Markets
from tests.faults.stand import Stand
from tests.faults.table import Finding
from tests.faults.verdict import compare
from tests.integration.kafka_broker import KafkaBroker

pytestmark = [pytest.mark.integration, pytest.mark.fault("trimmed offsets")]

_SECONDS: Final = 600
_SHORT_SIGHTED: Final = {
    "CANDLEWICK_KAFKA__CLIENT": '{"queued.max.messages.kbytes": 64, "fetch.message.max.bytes": 20000}',
    "CANDLEWICK_ENGINE__BATCH_SIZE": "100",
}
"""So little is fetched ahead that most of the log is still to be asked for when it goes."""


def test_under_engine_and_store(
    market: Markets, brokers: Callable[[], KafkaBroker], timescale_database: str, tmp_path: Path, finding: Finding
) -> None:
    """The log goes while the engine reads it, a result topic before the store has read it."""
    finding.injected("the log trimmed under a running engine, a result topic under the store")
    with Stand(brokers(), tmp_path, market(_SECONDS), dsn=timescale_database, settings=_SHORT_SIGHTED) as stand:
        stand.feed().end()
        stand.start_engine()
        stand.wait(stand.market.results // 4)  # long before the log's end, as the engine goes on while we look
        stand.engine.send(signal.SIGSTOP)
        stand.pipeline.run("store", "--until-end")
        before = stand.pipeline.read()
        trim(stand, LOG, 0.8)
        stand.engine.send(signal.SIGCONT)
        assert stand.engine.wait() == 2
        ranges = [missing(stand.engine.words(), LOG), missing(stand.pipeline.fail("run", status=2), LOG)]
        shutil.rmtree(tmp_path / "recovery")
        stand.pipeline.run("run", "--until-end", "--rebuild-from", "earliest")
        trim(stand, "features.books", 1.0)
        ranges.append(missing(stand.pipeline.fail("store", "--until-end", status=2), "features.books"))
        with psycopg.connect(stand.dsn) as connection:
            connection.execute("DELETE FROM stream_offsets WHERE topic = 'features.books'")
        stand.pipeline.run("store", "--until-end")
        after, golden = stand.pipeline.read(), stand.market.golden
    finding.found(said=", ".join(ranges))
    for topic in ("features.bars", "features.vectors", "quality.gaps", "signals.candidates", "signals.published"):
        assert all(after[topic][identifier][0] == values[0] for identifier, values in before[topic].items()), topic
        assert all(len(set(values)) == 1 for values in after[topic].values()), topic
        assert not topic.startswith("signals.") or all(len(values) == 1 for values in after[topic].values()), topic
    assert before["features.bars"].keys() < after["features.bars"].keys() <= golden["features.bars"].keys()


@pytest.mark.full
def test_under_the_read_back(
    market: Markets, brokers: Callable[[], KafkaBroker], tmp_path: Path, finding: Finding
) -> None:
    """The engine dies before a snapshot says that its results are written, and what says so itself goes."""
    finding.injected("a result topic trimmed under the sink's read-back")
    with Stand(brokers(), tmp_path, market(_SECONDS), settings=_SHORT_SIGHTED) as stand:
        stand.feed().end()
        stand.start_engine(CANDLEWICK_FAILPOINT="sink.snapshot.before:15", CANDLEWICK_ENGINE__EPOCH_INTERVAL_S="0.05")
        assert stand.engine.wait() == -signal.SIGKILL
        kept = stand.pipeline.count("features.books")
        stand.pipeline.kill_acknowledged(lambda: stand.pipeline.count("features.books") > kept)
        trim(stand, "features.books", 1.0)
        said = missing(stand.pipeline.fail("run", status=2), "features.books")
        shutil.rmtree(tmp_path / "recovery")
        stand.pipeline.run("run", "--until-end", "--rebuild-from", "earliest")
        found, golden = stand.pipeline.read(), dict(stand.market.golden)
        del found["features.books"], golden["features.books"]
        verdict = compare(found, golden)
    finding.found(said=said, **verdict._asdict())
    assert verdict.good


def trim(stand: Stand, topic: str, share: float) -> None:
    """Delete the first part of each partition."""
    places = [TopicPartition(topic, at, int(share * end)) for at, end in stand.pipeline.ends(topic).items() if end]
    asked = AdminClient({**stand.broker.client, "log_level": 0})
    for done in asked.delete_records(places).values():
        done.result(10)


def missing(said: str, topic: str) -> str:
    """The range that is named as missing."""
    found = re.search(rf"{re.escape(topic)}\[\d+\]: offsets \d+ to \d+ are gone", said)
    assert found, said
    return found[0]
