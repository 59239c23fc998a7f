"""The live engine: Kafka in, Kafka out, one process a worker."""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

from bytewax.dataflow import Dataflow

from flows.cluster import run_cluster
from flows.engine import engine_flow
from flows.errors import told
from flows.login import log_in
from flows.observed import EngineObserver, ObservedLog, ObservedSink
from flows.process import keep_memory, spare_collector, stop_flag
from flows.recovery import MEMBER, disk_faults, recovery
from flows.runtime import cluster_main
from flows.settings import Settings, kafka_client
from flows.state.manifest import read_manifest
from flows.vitals import Pulse
from schemas.time import TIMEFRAMES
from sinks.errors import BrokerAwayError, BrokerError
from sinks.kafka import KafkaFeatures, KafkaSignals
from sinks.lease import Lease
from sinks.vitals import inherited
from sources.log import KafkaLog

__all__ = ["run_engine", "run_worker"]


def run_engine(
    settings: Settings, *, until_end: bool = False, rebuild_from: str | None = None, accept_settings: bool = False
) -> None:
    """Run until stopped, or up to the log's present end; the other two are those of `flows.recovery.recovery`.

    Raises:
        CandlewickError: something is missing or wrong; nothing that was consumed is lost.
    """
    stop = stop_flag()
    log_in(settings)
    with (
        recovery(settings, rebuild_from=rebuild_from, accept_settings=accept_settings) as state,
        _alone(settings, stop),
    ):
        if settings.engine.workers == 1:
            run_worker(settings, [], 0, state, stop, until_end=until_end)
        else:
            run_cluster(settings, stop, until_end=until_end)


@contextmanager
def _alone(settings: Settings, stop: threading.Event) -> Iterator[None]:
    """As long as no other engine writes to this Kafka cluster; a broker without transactions cannot tell."""
    if not settings.kafka.transactions:
        yield
        return
    directory = settings.engine.recovery_dir
    manifest = read_manifest(directory)
    makers = "" if manifest is None else manifest.makers
    with Lease(kafka_client(settings), directory / MEMBER, stop.set, stamp=makers) as lease:
        try:
            yield
        except Exception as error:
            lease.check()
            if _transient(error) and not stop.is_set():
                _confirm(lease)
            raise
        lease.check()


def _transient(error: Exception) -> bool:
    """Whether whoever started us would start us again; of a worker that is all that is known here."""
    ours = told(error)
    return ours is not None and ours.exit_status == BrokerError.exit_status


def _confirm(lease: Lease) -> None:
    """Who was replaced must not come back by itself: its transactions fail before it has heard of that."""
    with suppress(BrokerAwayError):  # which says nothing of the lease
        lease.confirm()


def run_worker(
    settings: Settings,
    addresses: Sequence[str],
    number: int,
    state: Any,
    stop: threading.Event,
    *,
    until_end: bool,
    group: int | None = None,
) -> None:
    """One worker of the cluster at ``addresses``, in this process; ``group`` watches over all of them."""
    spare_collector()
    keep_memory()
    engine, directory, workers = settings.engine, settings.supervisor.dir, max(len(addresses), 1)
    group = group or os.getpid()
    known = inherited(directory, group)
    with Pulse(
        directory, "engine", worker=number, workers=workers, group=group, stop=stop.is_set, engine=known
    ) as pulse:
        observer = EngineObserver(pulse, min(settings.strategy.timeframes, key=TIMEFRAMES.index))
        flow = _observed(settings, observer, first=number == 0, until_end=until_end)
        epoch = timedelta(seconds=engine.epoch_interval_s)
        pulse.state = "resuming"
        with disk_faults(engine.recovery_dir):
            cluster_main(flow, list(addresses), number, epoch_interval=epoch, recovery_config=state)


def _observed(settings: Settings, observer: EngineObserver, *, first: bool, until_end: bool) -> Dataflow:
    """The dataflow between Kafka's topics, with its ends under observation."""
    client, engine, stop = kafka_client(settings), settings.engine, observer.pulse.stopped
    manifest = read_manifest(engine.recovery_dir)
    bridge = None if manifest is None else manifest.bridge
    past, settled = None if bridge is None else bridge.past, bridge is None
    log = KafkaLog(
        client,
        batch_size=engine.batch_size,
        max_ahead_s=engine.max_ahead_s,
        stop=stop,
        until_end=until_end,
        start=None if manifest is None else manifest.starts,
    )
    features = KafkaFeatures(client, stop=stop, past=past, settled=settled)
    transactions = settings.kafka.transactions
    signals = KafkaSignals(
        client, transactions=transactions, here=first, early=first, stop=stop, past=past, settled=settled
    )
    return engine_flow(
        settings,
        ObservedLog(log, observer),
        ObservedSink("features", features, observer),
        ObservedSink("signals", signals, observer),
        observer.closed,
        bridge.ends if bridge is not None and bridge.late else None,
    )
