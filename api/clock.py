"""The wall clock, for saying how old something is; no answer's content depends on it."""

import time

from schemas.time import SECOND, to_text

__all__ = ["age_s", "now_text"]


def age_s(ts: int) -> float:
    """Seconds since ``ts`` (ns), negative if it is still to come."""
    return (time.time_ns() - ts) / SECOND


def now_text() -> str:
    """Now, in ISO 8601, to the millisecond."""
    now = time.time_ns()
    return to_text(now - now % 1_000_000)
