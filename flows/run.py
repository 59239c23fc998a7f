"""The live engine: Kafka in, Kafka out, one process a worker."""

import threading
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from flows.cluster import run_cluster
from flows.engine import engine_flow
from flows.process import stop_flag
from flows.recovery import recovery
from flows.runtime import cluster_main
from flows.settings import Settings, kafka_client
from sinks.kafka import KafkaFeatures, KafkaSignals
from sources.log import KafkaLog

__all__ = ["run_engine", "run_worker"]


def run_engine(settings: Settings, *, until_end: bool = False) -> None:
    """Run until stopped, or up to the log's present end.

    Raises:
        CandlewickError: something is missing or wrong; nothing that was consumed is lost.
    """
    stop = stop_flag()
    with recovery(settings.engine.recovery_dir) as state:
        if settings.engine.workers == 1:
            run_worker(settings, [], 0, state, stop, until_end=until_end)
        else:
            run_cluster(settings, stop, until_end=until_end)


def run_worker(
    settings: Settings, addresses: Sequence[str], number: int, state: Any, stop: threading.Event, *, until_end: bool
) -> None:
    """One worker of the cluster at ``addresses``, in this process."""
    client = kafka_client(settings)
    log = KafkaLog(
        client,
        batch_size=settings.engine.batch_size,
        max_ahead_s=settings.engine.max_ahead_s,
        stop=stop.is_set,
        until_end=until_end,
    )
    features = KafkaFeatures(client, stop=stop.is_set)
    signals = KafkaSignals(client, transactions=settings.kafka.transactions, stop=stop.is_set)
    flow = engine_flow(settings, log, features, signals)
    epoch = timedelta(seconds=settings.engine.epoch_interval_s)
    cluster_main(flow, list(addresses), number, epoch_interval=epoch, recovery_config=state)
