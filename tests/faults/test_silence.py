"""Somebody falls silent: an ingester, an instrument, a partition; and a topic that gets more partitions."""

import json
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions

from flows.feeds import simulated_feed
from flows.ingest import Recorder, ingest
from schemas.market import CONTROL
from schemas.time import SECOND
from schemas.topics import LOG
from schemas.vitals import EngineVitals
from sinks.vitals import read_vitals, together
from sources.malformed import Malformed
from sources.simulator import LISTINGS, Simulator, SimulatorConfig
from tests.faults.conftest import Form, Markets
from tests.faults.stand import Stand
from tests.faults.table import Finding
from tests.integration.kafka_broker import KafkaBroker
from tests.integration.pipeline import Pipeline
from tests.integration.up import Up

pytestmark = [pytest.mark.integration, pytest.mark.fault("silence")]

_CLOSE = 1_723_161_660 * SECOND
_GOES_ON, _DIES, _MUTE = (listing.instrument_id for listing in LISTINGS[:3])


def test_an_ingester_dies_and_an_instrument_of_another_falls_silent(
    form: Form, brokers: Callable[[], KafkaBroker], tmp_path: Path, finding: Finding
) -> None:
    """Seconds before a close, in a log with empty partitions; tapes of the past keep their own time.

    The others are decided, the silent are named, the engine may be killed meanwhile, and a replay comes to the same.
    """
    finding.injected("an ingester killed, an instrument of another mute, the engine killed; partitions without a key")
    left = record(tmp_path, "L", 0, 2, start=_CLOSE - 8 * SECOND, mute_from=_CLOSE - 5 * SECOND)
    right = record(tmp_path, "R", 1, start=_CLOSE - 8 * SECOND)
    again = record(tmp_path, "R", 1, start=_CLOSE + 20 * SECOND)
    with closing(Pipeline(brokers(), tmp_path, partitions=12, workers=2)) as pipeline:
        pipeline.environment["CANDLEWICK_ENGINE__MEMBER_TIMEOUT_S"] = "4"
        up = Up(pipeline, tmp_path, "engine", liveness_s="2", max_wait_s="8")
        up.wait_for(lambda: up.engine() != 0, "an engine")
        going, dying = (pipeline.start("ingest", "--tape", str(tape), "--speed", "1") for tape in (left, right))
        up.wait_for(lambda: known(tmp_path).keys.keys() >= {_GOES_ON, _DIES, _MUTE}, "all instruments")
        dying.kill()
        dying.communicate()
        up.wait_for(lambda: "R has been silent" in up.wrong().get("ingesters", ""), "the dead one to be named")
        up.kill_engine()  # what it knew is known after a restart as well
        up.wait_for(lambda: known(tmp_path).told.get(_GOES_ON) == _CLOSE, "the close of the one that goes on")
        begun = time.monotonic()
        up.wait_for(lambda: f"{_MUTE} has been silent" in up.wrong().get("ingesters", ""), "the mute one to be named")
        up.wait_for(lambda: decided(tmp_path), "the desk to have all that it waits for")
        waited_s = time.monotonic() - begun
        assert "desk" not in up.wrong()
        back = pipeline.start("ingest", "--tape", str(again), "--speed", "1")
        up.wait_for(lambda: "R has been silent" not in up.wrong().get("ingesters", ""), "it to be heard again")
        for process in (up.process, going, back):
            pipeline.stop(process)
        pipeline.run("run", "--until-end")
        ledger = [json.loads(value) for (value, *_) in pipeline.read()["quality.gaps"].values()]
        same = "identical" in pipeline.run("verify-parity")
    finding.found(desk_waited_s=waited_s, replay_identical=same)
    told = {(gap["kind"], gap["instrument_id"]) for gap in ledger}
    assert told >= {("left_out", CONTROL), ("disconnected", _MUTE)}
    assert waited_s < form.limit_s(10.0)
    assert same


def test_more_partitions(market: Markets, brokers: Callable[[], KafkaBroker], tmp_path: Path, finding: Finding) -> None:
    """The engine ends with the reason while it runs, and a start is refused: instruments would have moved."""
    finding.injected("the log gets more partitions under a running engine, and before a start")
    with Stand(brokers(), tmp_path, market(600)) as stand:
        stand.feed().end()
        stand.start_engine()
        stand.ready_s()
        began = time.monotonic()
        asked = AdminClient({**stand.broker.client, "log_level": 0})  # its requests end with it
        for done in asked.create_partitions([NewPartitions(LOG, 5)]).values():
            done.result(10)
        assert stand.engine.wait() == 2, stand.engine.words()
        noticed_s = time.monotonic() - began
        assert f"topic {LOG} has 5 partitions now and had 4: instruments move" in stand.engine.words()
        assert "partitions" in stand.pipeline.fail("run", status=2)
    finding.found(noticed_s=noticed_s, exit_status=2)


def record(folder: Path, name: str, *numbers: int, start: int, mute_from: int | None = None) -> Path:
    """A tape of 90 s as the ingester ``name`` would write it; `_MUTE` is told of no more from a time (ns) on."""
    path = folder / f"{name}-{start}.jsonl"
    instruments = tuple(LISTINGS[number] for number in numbers)
    config = SimulatorConfig(seed=3, start=start, duration=90 * SECOND, instruments=instruments)
    items = simulated_feed(Simulator(config), source=name).items
    with Recorder(path) as writer:
        ingest((
            item for item in items
            if mute_from is None or isinstance(item, Malformed)
            or item.instrument_id != _MUTE or item.ts_received < mute_from
        ), writer)  # fmt: skip
    return path


def known(folder: Path) -> EngineVitals:
    """What the engine knows of the market."""
    return together(one.engine for one in read_vitals(folder / "vitals", ["engine"]) if one.engine is not None)


def decided(folder: Path) -> bool:
    """Whether nobody is waited for with the close."""
    engine = known(folder)
    return engine.members_to >= _CLOSE and all(engine.told.get(member, 0) >= _CLOSE for member in engine.members)
