"""`candlewick up` on real parts: what dies, hangs or falls silent is found, named and got over."""

import json
import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from sinks.vitals import read_vitals
from tests.integration.kafka_broker import KafkaBroker
from tests.integration.pipeline import Pipeline, until

pytestmark = pytest.mark.integration


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


def test_a_killed_engine_is_back_a_stopped_worker_is_found_and_all_end_in_time(
    brokers: Callable[[], KafkaBroker], tmp_path: Path
) -> None:
    pipeline = Pipeline(brokers(), tmp_path, partitions=2, workers=2)
    up = Up(pipeline, tmp_path, "engine", stall_s="3")
    up.wait_for(lambda: up.engine() != 0, "an engine")
    first = up.engine()
    begun = time.monotonic()
    os.kill(first, signal.SIGKILL)
    up.wait_for(lambda: up.engine() not in (0, first), "another engine")
    assert time.monotonic() - begun < 5.0

    second = up.engine()
    stopped = read_vitals(tmp_path / "vitals", ["engine"])[1].pid
    os.kill(stopped, signal.SIGSTOP)
    up.wait_for(lambda: up.engine() not in (0, second), "an engine in the place of the one that hangs")
    assert not Path(f"/proc/{stopped}").exists()
    assert not up.wrong().keys() & {"engine", "lag"}
    third = up.engine()
    pipeline.stop(up.process, patience_s=10.0)
    assert not Path(f"/proc/{third}").exists()
