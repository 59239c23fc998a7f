"""The watchdog for progress: a stage that is there and does nothing any more."""

from collections.abc import Sequence
from typing import Final

from schemas.vitals import Vitals
from sinks.health import FRESH_S

__all__ = ["Progress"]

_PAUSE_S: Final = 5.0
"""Between two looks of ours: longer, and it was us who were stopped."""


class Progress:
    """Says of one start of a stage when its workers have stalled.

    Turns that do not grow are a stall, be the process stopped or its working thread caught somewhere. Who waits for a
    broker gets turns meanwhile; who waits for a database says so, and has to go on saying so.

    Parameters:
        stall_s: so long a worker may be without a turn.
        start_s: so long all workers together may be without a turn until they are at work.
    """

    def __init__(self, stall_s: float, start_s: float) -> None:
        self._stall_s, self._start_s = stall_s, start_s
        self._begun: float | None = None
        self._looked = 0.0
        self._turns: dict[int, tuple[int, float]] = {}
        self._at_work = False
        self._resuming: dict[int, int] = {}
        self._resumed = 0.0

    def look(self, workers: Sequence[Vitals], now: float) -> str | None:
        """What is wrong with ``workers`` at ``now`` (seconds, monotonic, the clock of the vitals), if anything is."""
        if self._begun is None or now - self._looked > _PAUSE_S:
            self._begun = now if self._begun is None else self._begun + now - self._looked
            self._turns.clear()
            self._resuming.clear()
        self._looked = now
        if not self._at_work:
            return self._starting(workers, now)
        for vitals in workers:
            turns, since = self._turns.get(vitals.worker, (-1, now))
            waits = vitals.waits_for is not None and now - vitals.clock / 1e9 <= FRESH_S
            if vitals.turns != turns or waits:
                turns, since = vitals.turns, now
            self._turns[vitals.worker] = turns, since
            if now - since > self._stall_s:
                who = f"worker {vitals.worker}" if vitals.workers > 1 else "it"
                return f"{who} has made no progress for {now - since:.0f} s"
        return None

    def _starting(self, workers: Sequence[Vitals], now: float) -> str | None:
        assert self._begun is not None
        ready = [vitals for vitals in workers if vitals.state not in ("starting", "resuming")]
        self._at_work = bool(ready) and len(ready) == ready[0].workers
        if self._at_work:
            return None
        turns = {vitals.worker: vitals.turns for vitals in workers if vitals not in ready}
        if turns != self._resuming:
            self._resuming, self._resumed = turns, now
        for vitals in workers:
            unheard = now - max(vitals.clock / 1e9, self._begun)
            if unheard > self._stall_s:
                return f"worker {vitals.worker} has not been heard of for {unheard:.0f} s"
        idle = now - max(self._resumed, self._begun)
        if idle > self._start_s:
            return f"it is not at work yet and has made no progress for {idle:.0f} s"
        return None
