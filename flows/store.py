"""The dataflow that fills the database from the result topics."""

import sys
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import Final

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition

from flows.login import log_in
from flows.process import spare_collector
from flows.runtime import run_here
from flows.settings import Settings, kafka_client
from flows.vitals import Pulse
from schemas.errors import CandlewickError
from schemas.message import Message
from sinks.tables import TABLES
from sinks.timescale import Prepared, TimescaleWriter, prepare
from sources.results import ResultTopics

__all__ = ["run_store"]

_TURN_S: Final = 0.0005
"""A thread that waits for the database wakes up dozens of times a batch, and each time waits for its turn."""


class _Run:
    """What ends a run: a signal from outside, or the first error of either side."""

    def __init__(self, stop: Event) -> None:
        self.stop = stop
        self.error: CandlewickError | None = None

    def fail(self, error: CandlewickError) -> None:
        self.error = self.error or error
        self.stop.set()


class _Part(StatelessSinkPartition[list[Message]]):
    """Stores a batch from a thread of its own while the next one is read and decoded; never more than one."""

    def __init__(self, writer: TimescaleWriter, run: _Run, pulse: Pulse) -> None:
        self._writer, self._run, self._pulse = writer, run, pulse
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="database")
        self._pending: Future[bool] | None = None

    def write_batch(self, items: list[list[Message]]) -> None:
        for batch in items:
            prepared = prepare(batch)
            if not self._settled():
                return  # stopping: nothing later may be stored, or its offsets would skip the batch before
            self._pending = self._pool.submit(self._store, prepared)

    def close(self) -> None:
        self._settled()
        self._pool.shutdown()

    def _settled(self) -> bool:
        """Whether the batch before is stored; waits for it."""
        if self._pending is None:
            return True
        with self._pulse.waiting("database"):
            return self._pending.result()

    def _store(self, prepared: Prepared) -> bool:
        try:
            stored = self._writer.store(prepared)
        except CandlewickError as error:  # raised into Bytewax it would be a panic
            self._run.fail(error)
            return False
        except BaseException:
            self._run.stop.set()  # so that somebody asks for the result
            raise
        for table, count in self._writer.stored.items():
            self._pulse.counts[f"stored.{table}"] = count
        return stored


class _Sink(DynamicSink[list[Message]]):
    """One worker's part, which holds up the source while the database is slower."""

    def __init__(self, writer: TimescaleWriter, run: _Run, pulse: Pulse) -> None:
        self._writer, self._run, self._pulse = writer, run, pulse

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Part:  # noqa: ARG002
        return _Part(self._writer, self._run, self._pulse)


def run_store(settings: Settings, *, until_end: bool = False, stop: Event | None = None) -> Counter[str]:
    """Copies every result topic to its table until ``stop`` is set, and returns the messages stored by table.

    There is no recovery state: the offsets are in the database, in the transaction of the rows. A database that is
    away is waited for without reading on. With ``until_end`` it also ends when all that was there at the start is
    stored.

    Raises:
        DatabaseError: no connection, missing tables or rights, another store at work, a contradiction.
        LogError: no broker, no such topic, or messages that are gone before they were stored.
    """
    spare_collector()
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
                client, TABLES, offsets, stop=pulse.stopped, failed=run.fail, until_end=until_end, at=pulse.read_to
            )
            flow = Dataflow("store")
            op.output("database", op.input("topics", flow, source), _Sink(writer, run, pulse))
            run_here(flow)  # in this thread, where signals arrive
    finally:
        writer.close()
    if run.error is not None:
        raise run.error
    return writer.stored
