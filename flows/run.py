"""The live engine: Kafka in, Kafka out, one process a worker."""

import threading
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from flows.cluster import run_cluster
from flows.engine import engine_flow
from flows.process import stop_flag
from flows.recovery import disk_faults, recovery
from flows.runtime import cluster_main
from flows.settings import Settings, kafka_client
from flows.state.manifest import read_manifest
from sinks.kafka import KafkaFeatures, KafkaSignals
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
    with recovery(settings, rebuild_from=rebuild_from, accept_settings=accept_settings) as state:
        if settings.engine.workers == 1:
            run_worker(settings, [], 0, state, stop, until_end=until_end)
        else:
            run_cluster(settings, stop, until_end=until_end)


def run_worker(
    settings: Settings, addresses: Sequence[str], number: int, state: Any, stop: threading.Event, *, until_end: bool
) -> None:
    """One worker of the cluster at ``addresses``, in this process."""
    client, directory = kafka_client(settings), settings.engine.recovery_dir
    manifest = read_manifest(directory)
    bridge = None if manifest is None else manifest.bridge
    past, settled = None if bridge is None else bridge.past, bridge is None
    log = KafkaLog(
        client,
        batch_size=settings.engine.batch_size,
        max_ahead_s=settings.engine.max_ahead_s,
        stop=stop.is_set,
        until_end=until_end,
        start=None if manifest is None else manifest.starts,
    )
    features = KafkaFeatures(client, stop=stop.is_set, past=past, settled=settled)
    signals = KafkaSignals(
        client, transactions=settings.kafka.transactions, stop=stop.is_set, past=past, settled=settled
    )
    flow = engine_flow(settings, log, features, signals)
    epoch = timedelta(seconds=settings.engine.epoch_interval_s)
    with disk_faults(directory):
        cluster_main(flow, list(addresses), number, epoch_interval=epoch, recovery_config=state)
