"""Named points at which a process can be told to die, so that a test sees what a crash right there leaves behind."""

import os
import signal
from typing import Final

__all__ = ["FAILPOINTS", "arm", "parse", "reach"]

FAILPOINTS: Final = {
    "log.read.before": "before the log's source asks for messages",
    "log.read.after": "with messages in hand that no step has seen",
    "log.snapshot": "as the source tells where it goes on",
    "instrument.snapshot": "as an instrument's state is packed",
    "desk.snapshot": "as the desk's state is packed",
    "sink.snapshot.before": "before a sink tells how far it has written",
    "sink.snapshot.after": "after it did, the recovery store not yet written",
    "features.write.before": "before results are handed to the idempotent producer",
    "features.write.after": "with results handed on that the broker may not have acknowledged",
    "features.settle.after": "when it has acknowledged all results of an epoch",
    "signals.begin.before": "before a transaction begins",
    "signals.commit.before": "with signals handed on and their transaction open",
    "signals.commit.after": "after their commit",
    "readback.before": "before a resumed sink asks what its outputs hold",
    "readback.after": "when it knows, before it writes again",
    "store.copy.before": "before rows are copied",
    "store.commit.before": "with rows and offsets copied and their transaction open",
    "store.commit.after": "after their commit",
    "ingest.flush.before": "before an ingester waits for the broker",
    "ingest.flush.after": "when all is acknowledged, before its origin is told",
    "ingest.commit.after": "after its origin was told",
}
"""What is true of the process that dies there."""

_armed: str | None = None
_left = 0


def parse(text: str) -> tuple[str, int]:
    """``name`` or ``name:nth`` as the name and how often it is reached before the process dies, 1 the first time.

    Raises:
        ValueError: no such failpoint, or no positive number.
    """
    name, _, nth = text.partition(":")
    if name not in FAILPOINTS:
        raise ValueError(f"no failpoint {name!r}; there are {', '.join(FAILPOINTS)}")
    if nth and not (nth.isdecimal() and int(nth)):
        raise ValueError(f"failpoint {name}: {nth!r} should be a number from 1")
    return name, int(nth or 1)


def arm(text: str) -> None:
    """Let the process die by SIGKILL when it reaches ``text``, as `parse` reads it; an empty one disarms."""
    global _armed, _left
    _armed, _left = parse(text) if text else (None, 0)


def reach(name: str) -> None:
    """The process is at this failpoint."""
    if _armed is None:
        return
    global _left  # noqa: PLW0603, what is not armed may cost no more than a look
    if name == _armed:
        _left -= 1
        if not _left:
            os.kill(os.getpid(), signal.SIGKILL)
