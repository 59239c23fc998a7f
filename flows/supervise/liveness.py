"""For who is silent on the log, heartbeats are written that say that nobody listens: the desk goes on without them."""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from time import monotonic_ns
from typing import Any, Final, Self

from confluent_kafka import KafkaException, TopicPartition

from flows.vitals import Pulse
from schemas.errors import CandlewickError
from schemas.market import Heartbeat
from schemas.time import SECOND
from schemas.topics import LOG
from schemas.vitals import Check, Vitals
from sinks.clients import admin
from sinks.health import silent_keys
from sinks.kafka_admin import LATEST
from sinks.log_writer import LogWriter
from sinks.vitals import read_vitals

__all__ = ["Liveness", "LogEnds", "Watchdog"]

_log: Final = logging.getLogger(__name__)
_EVERY_S: Final = 1.0
_QUIET_S: Final = 1.0
"""Silence after which the broker is asked whether it is there: four heartbeats."""
_ANSWER_S: Final = 2.0
_DELIVERY_S: Final = 5.0
"""What is not delivered by then is given up: when the broker is back, the silent have their time to speak first."""

Ends = Callable[[Sequence[int]], Mapping[int, int]]
"""The present ends of these partitions of the log; one whose leader does not answer is left out."""


class Liveness:
    """Decides for whom to write heartbeats, and with which time; a pure function of what it is told.

    A broker that is away silences everybody, and nobody is dead. So silence counts only as long as the partition's
    leader answers without a break, and only up to when there was nothing in it that the engine has not read by now:
    others may write into it all the time.

    Parameters:
        liveness_s: silence that is too long; 0: none is.
    """

    def __init__(self, liveness_s: float) -> None:
        self._liveness_s, self._quiet_s = liveness_s, min(_QUIET_S, liveness_s)
        self._answers_since: dict[int, int] = {}
        self._unanswered: set[int] = set()
        self._ends: dict[int, tuple[int, int]] = {}  # of a partition, when it was asked for, until the engine is there
        self._read_as_of: dict[int, int] = {}

    def check(self) -> Check:
        """Whether who was asked last has answered; asked is only where somebody is quiet."""
        silent = ", ".join(f"{LOG}[{partition}]" for partition in sorted(self._unanswered))
        return Check(name="kafka", ok=not silent, detail=f"no answer on {silent}" if silent else "answers")

    def heartbeats(self, found: Sequence[Vitals], ends: Ends, now: int) -> list[Heartbeat]:
        """What to write now.

        Parameters:
            now: by the clock of the vitals, ns.
        """
        quiet = silent_keys(found, now, self._quiet_s)
        asked = sorted({one.partition for one in quiet})
        answers = ends(asked) if asked else {}
        self._unanswered = {*asked} - answers.keys()
        self._answers_since = {partition: self._answers_since.get(partition, now) for partition in answers}
        long_ago = now - round((self._liveness_s - self._quiet_s) * SECOND)
        read = {name: one.following for vitals in found for name, one in vitals.partitions.items()}
        for partition, end in answers.items():
            self._note(partition, end, read[f"{LOG}[{partition}]"], now)
        silent = [
            one
            for one in silent_keys(found, now, self._liveness_s)
            if self._answers_since.get(one.partition, now) <= long_ago
            and self._read_as_of.get(one.partition, 0) - one.since > round(self._liveness_s * SECOND)
        ]
        return [
            Heartbeat(instrument_id=one.key, ts_event=one.ts, ts_received=one.ts, source=one.source, connected=False)
            for one in silent
        ]

    def _note(self, partition: int, end: int, following: int, now: int) -> None:
        """Up to when all that was in the partition is read, its end being asked for now."""
        waiting, asked = self._ends.pop(partition, (end, now))
        if following >= waiting:
            self._read_as_of[partition] = asked
            waiting, asked = end, now
        if following >= end:
            self._read_as_of[partition] = now
        else:
            self._ends[partition] = (waiting, asked)


class LogEnds:
    """Asks the broker."""

    def __init__(self, client: Mapping[str, Any]) -> None:
        self._admin = admin(client)

    def __call__(self, partitions: Sequence[int]) -> dict[int, int]:
        """See `Ends`."""
        ends = {}
        asked = {TopicPartition(LOG, partition): LATEST for partition in partitions}
        with suppress(KafkaException):
            for at, answer in self._admin.list_offsets(asked, request_timeout=_ANSWER_S).items():
                with suppress(KafkaException):
                    ends[at.partition] = answer.result().offset
        if len(ends) < len(partitions):
            with suppress(KafkaException):
                self._admin.list_topics(LOG, _ANSWER_S)  # so that the client learns who leads now
        return ends


class Watchdog:
    """A thread that looks once a second, for as long as a ``with`` block; ``stop`` ends it before."""

    def __init__(
        self, client: Mapping[str, Any], directory: Path, liveness_s: float, stop: Callable[[], bool], pulse: Pulse
    ) -> None:
        self._client, self._directory, self._stop, self._pulse = dict(client), directory, stop, pulse
        self._liveness, self._ends = Liveness(liveness_s), LogEnds(client)
        self._over = Event()
        self._thread = Thread(target=self._run, name="watchdog", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def check(self) -> Check:
        """Whether it is at work, and the broker answers it."""
        if self._thread.ident is not None and not self._thread.is_alive():
            return Check(name="kafka", ok=False, detail="nobody asks: the watchdog has ended, its reason is in the log")
        return self._liveness.check()

    def _run(self) -> None:
        writer: LogWriter | None = None
        while not (self._over.wait(_EVERY_S) or self._stop()):
            beats = self._liveness.heartbeats(read_vitals(self._directory, ["engine"]), self._ends, monotonic_ns())
            if not beats:
                continue
            try:
                writer = writer or LogWriter(self._client, delivery_timeout_s=_DELIVERY_S, stop=self._stop)
                for beat in beats:
                    writer.write(beat)
                writer.flush()
            except CandlewickError as error:
                _log.warning("the silent are not told as such: %s", error)
                writer = None
            else:
                self._pulse.counts["heartbeats"] += len(beats)
