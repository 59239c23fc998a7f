"""The embedded broker: Kafka's protocol and nothing kept, for the demo and for who only wants to look."""

import json
import subprocess
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

from flows.embedded.mock_cluster import start_cluster
from flows.errors import FlowError
from schemas.topics import TOPICS

__all__ = ["CLIENT", "EmbeddedBroker"]

CLIENT: Final[Mapping[str, int]] = {"fetch.wait.max.ms": 5}
"""What clients of this broker need: it answers a waiting reader when its time is up, not when a message comes."""

_PATIENCE_S: Final = 5.0


class EmbeddedBroker:
    """All topics of the registry at a broker of our own, for the length of a ``with`` block.

    It speaks the real protocol, but keeps only the last 5 MB of a partition, nothing beyond its own life, and has no
    true transactions (``kafka.transactions = false``). Its process ends when ours does, in whatever way.

    Parameters:
        partitions: of every topic that does not have a number of its own.
    """

    def __init__(self, partitions: int = 4) -> None:
        self._topics = {topic.name: topic.partitions or partitions for topic in TOPICS}
        self._process: subprocess.Popen[str] | None = None
        self.bootstrap = ""

    def __enter__(self) -> Self:
        # A session of its own keeps Ctrl-C away from it. It reads from the pipe until that is closed, by us or, if
        # we are killed, by the kernel.
        self._process = process = subprocess.Popen(
            [sys.executable, "-m", "flows.embedded.broker", json.dumps(self._topics)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        self.bootstrap = process.stdout.readline().strip()
        if not self.bootstrap:
            raise FlowError(f"embedded Kafka ended with status {process.wait()} before it could be used")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        try:
            process.communicate(timeout=_PATIENCE_S)  # closes the pipe
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def _main() -> None:
    print(start_cluster(json.loads(sys.argv[1])), flush=True)  # noqa: T201, the parent reads it
    sys.stdin.read()


if __name__ == "__main__":
    _main()
