"""A market told by topics of a user's own, and the bars that it should give."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import msgspec
from confluent_kafka import Producer

from flows.engine import engine_flow
from flows.feeds import Feed
from flows.replay import replay
from flows.runtime import run_here
from flows.settings import Settings
from schemas.codec import encode
from schemas.market import FundingRate, Liquidation, MarketEvent, MarkPrice, OpenInterest, Trade
from schemas.time import MILLISECOND, MINUTE
from schemas.topics import LOG
from sinks.files import FileSink
from sources.log import KafkaLog
from sources.sequencer import sequence
from sources.simulator import LISTINGS, Simulator, SimulatorConfig
from tests.kafka_tools import make_topic, read_all

__all__ = ["Bars", "bars", "bars_of", "bars_of_the_log", "in_the_log", "own_topics", "some_market"]

START: Final = 1_723_161_580_000_000_000  # 20 s to a whole minute: not to hang on milliseconds
DERIVATIVES: Final = (FundingRate, MarkPrice, OpenInterest, Liquidation)

Bars = dict[str, dict[str, Any]]


def some_market() -> list[MarketEvent]:
    """Three minutes of three instruments."""
    config = SimulatorConfig(seed=5, start=START, duration=3 * MINUTE, instruments=LISTINGS[:3])
    return [item for item in Simulator(config) if isinstance(item, MarketEvent)]


def bars_of(market: list[MarketEvent], folder: Path) -> Bars:
    """The bars of the same market, sequenced directly."""
    replay(Settings(), Feed(sequence(market, source="direct")), folder)
    return bars(folder)


def bars(folder: Path) -> Bars:
    """Bars of revision 0 by identifier; when they were decided hangs on the moments of heartbeats."""
    lines = (folder / "features.bars.jsonl").read_bytes().splitlines()
    found = {record["id"]: record for record in map(msgspec.json.decode, lines) if not record.get("revision")}
    for record in found.values():
        del record["ts_decided"]
    return found


def bars_of_the_log(bootstrap: str, folder: Path) -> Bars:
    """What the engine makes of all that is in the log."""
    log = KafkaLog({"bootstrap.servers": bootstrap}, until_end=True)
    with FileSink(folder) as features, FileSink(folder) as signals:
        run_here(engine_flow(Settings(), log, features, signals))
    return bars(folder)


def in_the_log(bootstrap: str) -> int:
    """Records there that the sequencer did not put in."""
    inserted = {"heartbeat", "membership", "tape_end"}
    return sum(read.kind not in inserted for read in read_all({"bootstrap.servers": bootstrap}, LOG))


def own_topics(bootstrap: str, market: Iterable[MarketEvent]) -> str:
    """Topics of three partitions: first all trades, told as shortly as can be, then derivatives, then the books."""
    client = {"bootstrap.servers": bootstrap}
    named = {kind: make_topic(client, f"my.{kind}", 3) for kind in ("trades", "derivatives", "books")}
    producer = Producer({**client, "enable.idempotence": True})
    for kind, topic in named.items():
        records = [record for record in market if kind_of(record) == kind]
        for number, record in enumerate(records):
            fields = msgspec.json.decode(encode(record))
            if kind == "trades":
                del fields["type"], fields["ts_received"]
            ts_ms = record.ts_received // MILLISECOND
            producer.produce(topic, msgspec.json.encode(fields), record.instrument_id, timestamp=ts_ms)
            if number % 500 == 0:
                producer.produce(topic, b'{"type": "trade", "price": -1}', timestamp=ts_ms)
            producer.poll(0)
    assert producer.flush(30) == 0
    return ",".join(f"{kind}={topic}" for kind, topic in named.items())


def kind_of(record: MarketEvent) -> str:
    return "trades" if isinstance(record, Trade) else "derivatives" if isinstance(record, DERIVATIVES) else "books"
