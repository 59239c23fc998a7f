"""`candlewick up` on real parts: what dies, hangs or falls silent is found, named and got over."""

import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from flows.feeds import simulated_feed
from flows.ingest import Recorder, ingest
from schemas.time import SECOND
from schemas.vitals import EngineVitals
from sinks.vitals import read_vitals, together
from sources.simulator import LISTINGS, Simulator, SimulatorConfig
from tests.integration.kafka_broker import KafkaBroker
from tests.integration.pipeline import Pipeline, until

pytestmark = pytest.mark.integration


@pytest.fixture
def pipeline(brokers: Callable[[], KafkaBroker], tmp_path: Path) -> Iterator[Pipeline]:
    """A broker of the test's own, and two workers."""
    with closing(Pipeline(brokers(), tmp_path, partitions=4, workers=2)) as made:
        yield made


class Up:
    """A supervisor that may be asked."""

    def __init__(self, pipeline: Pipeline, folder: Path, *stages: str, **settings: str) -> None:
        self._pipeline, self._folder = pipeline, folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        told = {f"CANDLEWICK_SUPERVISOR__{name.upper()}": value for name, value in settings.items()}
        self.process = pipeline.start("up", *stages, CANDLEWICK_SUPERVISOR__PORT=str(self.port), **told)

    def engine(self) -> int:
        """The engine's process; 0 as long as it is not at work."""
        found = read_vitals(self._folder / "vitals", ["engine"])
        at_work = found and all(one.state == "running" for one in found) and len(found) == found[0].workers
        return found[0].group if at_work else 0

    def wrong(self) -> dict[str, str]:
        """The checks that fail, as ``/ready`` tells them."""
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/ready", timeout=5) as answer:
                told = json.load(answer)
        except HTTPError as unready:
            told = json.load(unready)
        except OSError:
            return {"up": "does not answer"}
        return {check["name"]: check["detail"] for check in told["checks"] if not check["ok"]}

    def wait_for(self, condition: Callable[[], bool], what: str, patience_s: float = 30.0) -> None:
        """As long as the supervisor lives."""
        until(condition, f"{what}; now {self.wrong()}", self.process, patience_s)


def test_a_killed_engine_is_back_a_stopped_worker_found_another_takes_over_and_all_end_in_time(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    begun = time.monotonic()
    up = Up(pipeline, tmp_path, "engine", stall_s="3")
    up.wait_for(lambda: up.engine() != 0, "an engine")
    first, started = up.engine(), time.monotonic()
    os.kill(first, signal.SIGKILL)
    up.wait_for(lambda: up.engine() not in (0, first), "another engine")
    assert time.monotonic() - started < max(5.0, started - begun)  # a busy machine took longer the first time too

    second = up.engine()
    stopped = read_vitals(tmp_path / "vitals", ["engine"])[1].pid
    os.kill(stopped, signal.SIGSTOP)
    up.wait_for(lambda: up.engine() not in (0, second), "an engine in the place of the one that hangs")
    assert not Path(f"/proc/{stopped}").exists()
    assert not up.wrong().keys() & {"engine", "lag"}

    third = up.engine()
    other = Up(pipeline, tmp_path, "engine", "--take-over")
    _, errors = up.process.communicate(timeout=15)
    assert up.process.returncode == 0, errors
    other.wait_for(lambda: other.engine() not in (0, third), "an engine of the supervisor that took over")
    fourth = other.engine()
    pipeline.stop(other.process, patience_s=10.0)
    assert not Path(f"/proc/{fourth}").exists()


def record(folder: Path, name: str, *, number: int, start: int) -> Path:
    """A tape of one instrument, 90 s from ``start`` (ns), as the ingester ``name`` would write it."""
    path = folder / f"{name}-{start}.jsonl"
    config = SimulatorConfig(seed=3, start=start, duration=90 * SECOND, instruments=LISTINGS[number : number + 1])
    with Recorder(path) as writer:
        ingest(simulated_feed(Simulator(config), source=name).items, writer)
    return path


def known(folder: Path) -> EngineVitals:
    """What the engine knows of the market."""
    return together(one.engine for one in read_vitals(folder / "vitals", ["engine"]) if one.engine is not None)


def test_without_a_dead_ingester_the_others_are_decided_and_it_is_named_until_it_is_back(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    """One of two ingesters is killed seconds before a close; a tape of the past keeps its own time."""
    close = 1_723_161_660 * SECOND
    left, right = LISTINGS[0].instrument_id, LISTINGS[1].instrument_id
    tapes = [record(tmp_path, name, number=number, start=close - 8 * SECOND) for number, name in enumerate("LR")]
    again = record(tmp_path, "R", number=1, start=close + 10 * SECOND)
    up = Up(pipeline, tmp_path, "engine", liveness_s="2", max_wait_s="8")
    up.wait_for(lambda: up.engine() != 0, "an engine")
    going, dying = (pipeline.start("ingest", "--tape", str(tape), "--speed", "1") for tape in tapes)
    up.wait_for(lambda: known(tmp_path).keys.keys() >= {left, right}, "both instruments")
    dying.kill()
    dying.communicate()
    up.wait_for(lambda: "R has been silent" in up.wrong().get("ingesters", ""), "the dead one to be named")
    os.kill(up.engine(), signal.SIGKILL)  # what it knew is known after a restart as well
    up.wait_for(lambda: known(tmp_path).told.get(left) == close, "the close of the one that goes on")
    begun = time.monotonic()
    up.wait_for(lambda: known(tmp_path).told.get(right) == close, "that nothing is to come of the other")
    assert time.monotonic() - begun < 10.0
    wrong = up.wrong()
    assert "R has been silent" in wrong["ingesters"]
    assert "desk" not in wrong
    back = pipeline.start("ingest", "--tape", str(again), "--speed", "1")
    up.wait_for(lambda: known(tmp_path).keys[right].ts > close + 11 * SECOND, "it to speak again")
    up.wait_for(lambda: "ingesters" not in up.wrong(), "nobody to be missing")
    for process in (up.process, going, back):
        pipeline.stop(process)
    ledger = [json.loads(value) for (value, *_) in pipeline.read()["quality.gaps"].values()]
    silences = [gap for gap in ledger if gap["instrument_id"] == right and gap["kind"] == "disconnected"]
    assert [gap["detail"] for gap in silences] == ["nobody listens", "listening again"]
    pipeline.run("run", "--until-end")
    assert "identical" in pipeline.run("verify-parity")
