"""The dataflow that fills the database from the result topics."""

import sys
from collections import Counter
from threading import Condition, Event, Thread
from time import monotonic
from typing import Final

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition

from flows.login import log_in
from flows.process import keep_memory, spare_collector
from flows.runtime import run_here
from flows.settings import Settings, kafka_client
from flows.vitals import Pulse
from schemas.errors import CandlewickError
from schemas.message import Message
from schemas.topics import TOPICS
from sinks.tables import TABLES
from sinks.timescale import Prepared, TimescaleWriter, prepare
from sources.results import ResultTopics

__all__ = ["run_store"]

_SIGNALS: Final = [topic.name for topic in TOPICS if topic.lane == "signals"]
_AT_ONCE: Final = 500
"""Messages a read, few enough to be decoded before they have left the processor's cache."""
_MOST: Final = 10_000
"""Messages that wait for the database before nothing more is read."""
_AWAY_S: Final = 1.0
"""After so long in one transaction nothing more is read, so that others see what is waited for."""
_TURN_S: Final = 0.0001
"""A thread that waits for the database wakes up dozens of times a batch, and each time waits for its turn, and the
database for it."""


class _Run:
    """What ends a run: a signal from outside, or the first error of either side."""

    def __init__(self, stop: Event) -> None:
        self.stop = stop
        self.error: CandlewickError | None = None

    def fail(self, error: CandlewickError) -> None:
        self.error = self.error or error
        self.stop.set()


class _Part(StatelessSinkPartition[list[Message]]):
    """Decodes what is read and hands it on to a `_Storing`."""

    def __init__(self, storing: "_Storing") -> None:
        self._storing = storing

    def write_batch(self, items: list[list[Message]]) -> None:
        for batch in items:
            self._storing.put(prepare(batch))

    def close(self) -> None:
        self._storing.close()


class _Storing:
    """Stores from a thread of its own; what comes meanwhile is one transaction after it.

    So transactions are small while there is little to store, and large where the database is the slower one.
    """

    def __init__(self, writer: TimescaleWriter, run: _Run, pulse: Pulse) -> None:
        self._writer, self._run, self._pulse = writer, run, pulse
        self._changed = Condition()
        self._waiting = Prepared()
        self._ended = self._over = False
        self._since: float | None = None  # when the storing that is under way began
        self._error: BaseException | None = None
        self._thread = Thread(target=self._work, name="database", daemon=True)
        self._thread.start()

    def put(self, prepared: Prepared) -> None:
        """Store ``prepared`` some time; waits where there is enough to do, or the database does not answer."""
        with self._changed:
            if not self._room():
                with self._pulse.waiting("database"):
                    self._changed.wait_for(lambda: self._over or self._room())
            if not self._over:  # nothing later may be stored, or its offsets would skip what was not
                self._waiting.add(prepared)
                self._changed.notify_all()

    def close(self) -> None:
        """Wait until all is stored."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        with self._pulse.waiting("database"):
            self._thread.join()
        if self._error is not None:
            raise self._error

    def _room(self) -> bool:
        return len(self._waiting) < _MOST and (self._since is None or monotonic() - self._since < _AWAY_S)

    def _work(self) -> None:
        try:
            while (prepared := self._next()) is not None and self._writer.store(prepared):
                for table, count in self._writer.stored.items():
                    self._pulse.counts[f"stored.{table}"] = count
        except CandlewickError as error:  # raised into Bytewax it would be a panic
            self._run.fail(error)
        except BaseException as error:
            self._error = error
            self._run.stop.set()
        finally:
            with self._changed:
                self._over = True
                self._changed.notify_all()

    def _next(self) -> Prepared | None:
        """All that has come meanwhile; ``None`` at the end."""
        with self._changed:
            self._since = None
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._ended or len(self._waiting))
            prepared, self._waiting = self._waiting, Prepared()
            self._since = monotonic()
            self._changed.notify_all()
        return prepared if prepared.following else None


class _Sink(DynamicSink[list[Message]]):
    """One worker's part, which holds up the source while the database is slower."""

    def __init__(self, writer: TimescaleWriter, run: _Run, pulse: Pulse) -> None:
        self._writer, self._run, self._pulse = writer, run, pulse

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Part:  # noqa: ARG002, the signature is Bytewax's
        return _Part(_Storing(self._writer, self._run, self._pulse))


def run_store(settings: Settings, *, until_end: bool = False, stop: Event | None = None) -> Counter[str]:
    """Copies every result topic to its table until ``stop`` is set, and returns the messages stored by table.

    There is no recovery state: the offsets are in the database, in the transaction of the rows. A database that is
    away is waited for without reading on. With ``until_end`` it also ends when all that was there at the start is
    stored.

    Raises:
        UnreachableError: no connection, or another store at work.
        ServerError: the database fails again and again.
        DatabaseError: missing tables or rights.
        ContradictionError: an identifier came again with other content.
        LogError: no broker, no such topic, or messages that are gone before they were stored.
    """
    spare_collector()
    keep_memory()
    sys.setswitchinterval(_TURN_S)
    run = _Run(stop or Event())
    log_in(settings)
    writer = TimescaleWriter(settings.database.dsn, stop=run.stop)
    client = kafka_client(settings)
    try:
        with Pulse(settings.supervisor.dir, "store", stop=run.stop.is_set) as pulse:
            with pulse.waiting("database"):
                offsets = writer.offsets()
            source = ResultTopics(
                client, TABLES, offsets, stop=pulse.stopped, failed=run.fail, until_end=until_end,
                batch_size=_AT_ONCE, at=pulse.read_to,
                transactional=_SIGNALS if settings.kafka.transactions else (),
            )  # fmt: skip
            flow = Dataflow("store")
            op.output("database", op.input("topics", flow, source), _Sink(writer, run, pulse))
            run_here(flow)  # in this thread, where signals arrive
    finally:
        writer.close()
    if run.error is not None:
        raise run.error
    return writer.stored
