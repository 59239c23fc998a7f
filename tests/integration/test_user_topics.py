"""Three topics of a user's own, written out of step and with garbage in between, become the log that they tell of."""

import os
import subprocess
import sys
from collections.abc import Callable
from operator import attrgetter
from pathlib import Path

import msgspec
import pytest

from flows.feeds import topics_feed
from flows.replay import replay
from flows.settings import Settings
from schemas.codec import decode_event
from schemas.market import (
    CONTROL,
    InstrumentDefinition,
    MarketEvent,
    Membership,
    TapeEnd,
)  # fmt: skip
from schemas.topics import LOG
from tests.integration.kafka_broker import KafkaBroker
from tests.integration.own_topics import Bars, bars, bars_of, own_topics, some_market
from tests.integration.pipeline import Pipeline, until
from tests.kafka_tools import read_all

pytestmark = pytest.mark.integration

EXAMPLE = Path(__file__).resolve().parents[2] / "docs/examples/produce_own_topics.py"


@pytest.fixture(scope="module")
def market() -> list[MarketEvent]:
    """Three minutes of three instruments."""
    return some_market()


@pytest.fixture(scope="module")
def expected(market: list[MarketEvent], tmp_path_factory: pytest.TempPathFactory) -> Bars:
    """Its bars."""
    return bars_of(market, tmp_path_factory.mktemp("direct"))


def test_what_was_written_out_of_step_gives_the_bars_of_the_market(
    market: list[MarketEvent], expected: Bars, kafka: KafkaBroker, tmp_path: Path
) -> None:
    topics = own_topics(kafka.bootstrap, market)
    feed = topics_feed({"bootstrap.servers": kafka.bootstrap}, topics, until_end=True, resume=False)
    replay(Settings(), feed, tmp_path)
    assert feed.read == feed.size > len(market)
    assert bars(tmp_path) == expected
    letters = [msgspec.json.decode(line) for line in (tmp_path / "dead_letters.jsonl").read_bytes().splitlines()]
    assert len(letters) == feed.size - len(market)
    assert {letter["topic"].split("[")[0] for letter in letters} == {pair.split("=")[1] for pair in topics.split(",")}


def test_the_documents_example_live_until_sigterm(brokers: Callable[[], KafkaBroker], tmp_path: Path) -> None:
    pipeline = Pipeline(brokers(), tmp_path, partitions=2)
    client = {"bootstrap.servers": pipeline.broker.bootstrap}
    environment = {**os.environ, "KAFKA": pipeline.broker.bootstrap}
    subprocess.run([sys.executable, str(EXAMPLE)], env=environment, check=True, timeout=30)
    topics = "trades=my.trades,books=my.books,derivatives=my.funding,instruments=my.instruments"
    ingest = pipeline.start("ingest", "--topics", topics)

    def heard_after_the_last_trade() -> bool:
        kinds = [read.kind for read in sorted(read_all(client, LOG), key=attrgetter("ts_ms"))]
        return kinds.count("trade") == 180 and kinds[::-1].index("trade") > 8

    try:
        until(heard_after_the_last_trade, "heartbeats while nothing comes", ingest)
        pipeline.stop(ingest)
    finally:
        ingest.kill()
        ingest.communicate()
    records = [decode_event(read.value) for read in read_all(client, LOG)]
    defined = [record for record in records if isinstance(record, InstrumentDefinition)]
    assert {record.tick_size for record in defined} == {0.1}
    assert [record.instrument_id for record in records if isinstance(record, TapeEnd)] == ["myvenue:BTC/USDT:USDT"]
    said = [record for record in records if record.instrument_id == CONTROL and isinstance(record, Membership)]
    assert [record.instrument_ids for record in said][-1] == []
    assert list(topics_feed(client, topics, until_end=True).items) == []
    assert "no topic nowhere (trades) at" in pipeline.fail("ingest", "--topics", "trades=nowhere", status=2)
