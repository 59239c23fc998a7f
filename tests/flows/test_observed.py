"""What passes the engine's ends, as vitals."""

import secrets
from pathlib import Path
from typing import Any

import pytest

from flows.observed import EngineObserver, ObservedLog, ObservedSink
from flows.vitals import Pulse
from operators.closed import Closed, Standing
from operators.outbox import outgoing
from schemas.batches import Batch, Rejected
from schemas.codec import encode
from schemas.market import CONTROL, Heartbeat, MarketEvent, Membership, Trade
from schemas.partitioner import partition_for
from schemas.results import Absence, BookSample, Drift, Gap, Vector
from schemas.time import MILLISECOND, MINUTE, SECOND
from schemas.topics import Outgoing
from schemas.vitals import WATCHDOG, EngineVitals, KeyVitals
from sinks.kafka import KafkaFeatures
from sources.log import KafkaLog
from tests.api.serving import wait_for
from tests.kafka_tools import put, read_all
from tests.vitals_samples import TS

Client = dict[str, Any]
MS = TS // 1_000_000
IN_ZERO = next(key for key in (f"sim:C{number}/USDT" for number in range(100)) if partition_for(key, 4) == 0)


@pytest.fixture
def observer(tmp_path: Path) -> EngineObserver:
    return EngineObserver(Pulse(tmp_path, "engine"), "1m")


def beat(key: str, source: str = "tape", *, connected: bool = True) -> Heartbeat:
    return Heartbeat(instrument_id=key, ts_event=TS, ts_received=TS, source=source, connected=connected)


def trade(key: str) -> Trade:
    return Trade(instrument_id=key, ts_event=TS, ts_received=TS, price=1.0, size=1.0)


def batch(key: str, *events: MarketEvent) -> Batch:
    return Batch(key, 3, [(number, MS + number, encode(event)) for number, event in enumerate(events)])


def test_the_last_arrival_of_each_key(observer: EngineObserver) -> None:
    observer.read({"sim:A": batch("sim:A", trade("sim:A"), beat("sim:A")), "sim:B": batch("sim:B", trade("sim:B"))}, 10)
    rejected = Rejected("dead:x", "x", 3, [(0, MS, None, b"", "no key")])
    ours = batch("sim:B", beat("sim:B", connected=False)).messages[0][2]
    silent = Batch("sim:B", 3, [(0, MS + 9, ours.replace(b'"ts_received":', b'"ts_received"  :'))])
    observer.read({"sim:A": batch("sim:A", trade("sim:A")), "sim:B": silent, "dead:x": rejected}, 20)
    assert observer.vitals.keys == {
        "sim:A": KeyVitals(partition=3, ts=TS, seen=20, beats=True),
        "sim:B": KeyVitals(partition=3, ts=(MS + 9) * MILLISECOND, seen=20, beats=False),
    }


def test_the_watchdog_s_own_heartbeats_are_no_sign_of_life(observer: EngineObserver) -> None:
    observer.read({"sim:A": batch("sim:A", beat("sim:A"))}, 10)
    observer.hear(batch(CONTROL, beat(CONTROL)), 10)
    observer.read({key: batch(key, beat(key, WATCHDOG, connected=False)) for key in ("sim:A", "sim:NEVER")}, 20)
    observer.hear(batch(CONTROL, beat(CONTROL, WATCHDOG, connected=False)), 20)
    assert {key: heard.seen for key, heard in observer.vitals.keys.items()} == {"sim:A": 10, CONTROL: 10}


def test_ingesters_are_known_by_the_control_key(observer: EngineObserver) -> None:
    def say(source: str, *members: str) -> Membership:
        return Membership(
            instrument_id=CONTROL, ts_event=TS, ts_received=TS, source=source, instrument_ids=list(members)
        )

    many = [beat(CONTROL, "one") for _ in range(100)]
    observer.hear(batch(CONTROL, say("one", "sim:A"), say("two", "sim:B"), *many), 10)
    observer.hear(batch(CONTROL, beat(CONTROL, "two"), beat(CONTROL, WATCHDOG)), 20)
    assert {name: (heard.seen, heard.members) for name, heard in observer.vitals.sources.items()} == {
        "one": (10, ["sim:A"]),
        "two": (20, ["sim:B"]),
    }
    observer.hear(batch(CONTROL, beat(CONTROL, "two", connected=False)), 25)  # somebody else said so
    assert (observer.vitals.sources["two"].seen, observer.vitals.sources["two"].gone) == (20, True)
    observer.hear(batch(CONTROL, beat(CONTROL, "two")), 26)
    assert (observer.vitals.sources["two"].seen, observer.vitals.sources["two"].gone) == (26, False)
    observer.hear(batch(CONTROL, say("one")), 30)
    assert [*observer.vitals.sources] == ["two"]
    observer.hear(Batch(CONTROL, 3, [(0, MS, b"garbage")]), 40)
    observer.hear(batch(CONTROL, beat(CONTROL, "three")), 50)
    assert (observer.vitals.sources["three"].seen, observer.vitals.sources["three"].members) == (50, [])


def test_what_the_desk_is_told(observer: EngineObserver) -> None:
    known = dict.fromkeys(("ema_20", "ema_50", "atr_14", "rsi_14", "tfi", "microprice", "microprice_bps"), 1.0)

    def vector(**features: float | None) -> Vector:
        return Vector(
            id="x", instrument_id="sim:A", timeframe="1m", ts_close=TS, ts_decided=TS, schema_hash="",
            features={**known, "spread_bps": 1.0, "obi_10": 1.0, **features},
        )  # fmt: skip

    observer.closed(Standing(TS, ("sim:A", "sim:B")))
    since = observer.vitals.members["sim:A"]
    observer.closed(Closed("sim:A", TS, [vector(obi_10=None, rsi_14=None)], None))
    absence = Absence(
        id="x", instrument_id="sim:B", timeframe="1m", ts_close=TS, ts_decided=TS, reason="nobody listened"
    )
    observer.closed(Closed("sim:B", TS, [absence], None))
    assert observer.vitals.unready == {"sim:A": "rsi_14, obi_10 not known yet", "sim:B": "nobody listened"}
    observer.closed(Closed("sim:A", TS + MINUTE, [vector()], None))
    observer.closed(Standing(TS + MINUTE, ("sim:A",)))
    vitals = observer.vitals
    assert vitals.unready == {"sim:B": "nobody listened"}
    assert (vitals.told, vitals.newest) == ({"sim:A": TS + MINUTE, "sim:B": TS}, TS + MINUTE)
    assert (vitals.members, vitals.members_to) == ({"sim:A": since}, TS + MINUTE)


def test_what_is_written_is_counted(observer: EngineObserver) -> None:
    def book(*, stale: bool) -> Outgoing:
        sample = BookSample(
            id="x", instrument_id="sim:A", ts_event=TS, bid_prices=[], bid_sizes=[], ask_prices=[], ask_sizes=[],
            imbalance=None, stale=stale,
        )  # fmt: skip
        return outgoing(sample, key="sim:A", identifier="x", ts=TS)

    gap = Gap(id="g", instrument_id="sim:A", kind="late", ts_start=TS, ts_end=TS, ts_received=TS, count=4)
    observer.wrote("features", [outgoing(gap, key="sim:A", identifier="g", ts=TS), book(stale=True)], SECOND)
    assert observer.vitals.stale == {"sim:A"}
    observer.wrote("features", [book(stale=False)], SECOND // 2)
    assert observer.vitals.stale == set()
    assert observer.pulse.counts == {"gaps.late": 4, "written.quality.gaps": 1, "written.features.books": 2}
    sink = observer.vitals.sinks["features"]
    assert (sink.writes, sink.seconds, sink.last_ms) == (2, 1.5, 500.0)


def test_of_drift_the_furthest_input_of_the_newest_window_is_kept(observer: EngineObserver) -> None:
    def told(feature: str, value: float, threshold: float | None, *, at: int = TS, alert: bool = False) -> Outgoing:
        name = "model:majors"
        drift = Drift(
            id=feature, instrument_id=name, timeframe="5m", feature=feature, ts_close=at, measure="psi", value=value,
            threshold=threshold, alert=alert,
        )  # fmt: skip
        return outgoing(drift, key=name, identifier=feature, ts=at)

    window = [told("rsi_14", 0.1, 0.2), told("obi_10", 0.5, 0.3, alert=True), told("tfi", 0.6, 0.5), told("x", 9, None)]
    observer.wrote("features", window[:2], SECOND)
    observer.wrote("features", window[2:], SECOND)
    known = observer.vitals.drift["majors"]
    assert (known.feature, known.psi, known.threshold, known.ts_close) == ("obi_10", 0.5, 0.3, TS)
    observer.wrote("features", [told("x", 9, None, at=TS + MINUTE)], SECOND)
    assert observer.vitals.drift["majors"].feature == ""
    observer.wrote("features", [told("rsi_14", 0.1, 0.2, at=TS + MINUTE)], SECOND)
    assert observer.vitals.drift["majors"].feature == "rsi_14"
    assert observer.pulse.counts["drift_alerts.majors"] == 1


@pytest.fixture
def log(embedded_kafka: Client) -> KafkaLog:
    """Eight messages of one instrument, in partition 0."""
    value = encode(trade(IN_ZERO))
    messages = [(IN_ZERO.encode(), value, 0, MS + number) for number in range(8)]
    return KafkaLog(embedded_kafka, topic=put(embedded_kafka, messages, f"log.{secrets.token_hex(4)}"), batch_size=5)


def test_the_log_is_handed_through(log: KafkaLog, observer: EngineObserver) -> None:
    observed = ObservedLog(log, observer)
    assert observed.list_parts() == log.list_parts()
    part = observed.build_part("flow.log", "00000", None)
    seen = 0
    while not seen:
        seen = sum(len(item.messages) for _, item in part.next_batch())
    state = part.snapshot()
    part.close()
    part = observed.build_part("flow.log", "00000", state)
    while seen < 8:
        seen += sum(len(item.messages) for _, item in part.next_batch())
    wait_for(lambda: not part.next_batch() and observer.pulse.counts["events"] == 8)
    part.close()
    assert observer.vitals.keys[IN_ZERO].ts == TS
    vitals = observer.pulse.vitals()
    assert (vitals.state, vitals.partitions["market.events[0]"].end) == ("running", 8)


def test_it_goes_on_from_what_the_engine_before_knew_only_if_there_is_a_state(log: KafkaLog, tmp_path: Path) -> None:
    heard = {"sim:A": KeyVitals(partition=3, ts=TS, seen=5)}
    before = EngineVitals(keys=heard, told={"sim:A": TS}, members={"sim:A": 4}, members_to=TS)
    observer = EngineObserver(Pulse(tmp_path, "engine", engine=before), "1m")
    observed, part = ObservedLog(log, observer), log.build_part("flow.log", "00000", None)
    observed.build_part("flow.log", "00000", part.snapshot()).close()
    assert observer.vitals == before
    observed.build_part("flow.log", "00000", None).close()
    assert observer.vitals == EngineVitals(keys=heard)
    assert observer.pulse.engine is observer.vitals
    part.close()


def test_a_sink_is_handed_through_and_ends_the_epoch(embedded_kafka: Client, observer: EngineObserver) -> None:
    topic = put(embedded_kafka, [], f"out.{secrets.token_hex(4)}")
    sink = KafkaFeatures(embedded_kafka, topics=[topic])
    observed = ObservedSink("features", sink, observer)
    assert (observed.list_parts(), observed.part_fn("sim:A")) == (sink.list_parts(), sink.part_fn("sim:A"))
    part = observed.build_part("flow.features", f"{sink.part_fn('sim:A'):05d}", None)
    part.write_batch([Outgoing(topic, "sim:A", "x", b"{}", MS)])
    observer.snapshotting(1)
    state = part.snapshot()
    assert observer.vitals.epoch_ms is not None
    part.close()
    part = observed.build_part("flow.features", f"{sink.part_fn('sim:A'):05d}", state)
    part.write_batch([Outgoing(topic, "sim:A", "y", b"{}", MS)])
    part.close()
    assert [read.identifier for read in read_all(embedded_kafka, topic)] == ["x", "y"]
    assert observer.pulse.counts[f"written.{topic}"] == 2
    assert observer.vitals.sinks["features"].writes == 2
