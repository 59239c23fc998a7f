"""The dataflow that fills the database from the result topics."""

from collections import Counter
from threading import Event

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition

from flows.login import log_in
from flows.runtime import run_here
from flows.settings import Settings, kafka_client
from flows.vitals import Pulse
from schemas.errors import CandlewickError
from schemas.message import Message
from sinks.tables import TABLES
from sinks.timescale import TimescaleWriter
from sources.results import ResultTopics

__all__ = ["run_store"]


class _Run:
    """What ends a run: a signal from outside, or the first error of either side."""

    def __init__(self, stop: Event) -> None:
        self.stop = stop
        self.error: CandlewickError | None = None

    def fail(self, error: CandlewickError) -> None:
        self.error = self.error or error
        self.stop.set()


class _Part(StatelessSinkPartition[list[Message]]):
    def __init__(self, writer: TimescaleWriter, run: _Run, pulse: Pulse) -> None:
        self._writer, self._run, self._pulse = writer, run, pulse

    def write_batch(self, items: list[list[Message]]) -> None:
        try:
            for batch in items:
                with self._pulse.waiting("database"):
                    written = self._writer.write(batch)
                if not written:
                    return  # stopping: nothing later may be stored, or its offsets would skip this batch
        except CandlewickError as error:  # raised into Bytewax it would be a panic
            self._run.fail(error)
        for table, count in self._writer.stored.items():
            self._pulse.counts[f"stored.{table}"] = count


class _Sink(DynamicSink[list[Message]]):
    """One worker's part writes in the worker's thread, and holds up the source while it does."""

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
