"""`candlewick up` as a process that may be asked."""

import json
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from sinks.vitals import read_vitals
from tests.integration.pipeline import Pipeline, until

__all__ = ["Up"]


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

    def kill_engine(self) -> int:
        """kill -9 once it is at work; the process that was."""
        killed = 0

        def kill() -> bool:
            nonlocal killed
            killed = self.engine()
            if killed:
                os.kill(killed, signal.SIGKILL)
            return killed != 0

        self.wait_for(kill, "an engine")
        return killed

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
