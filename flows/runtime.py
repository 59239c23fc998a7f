"""Bytewax's entry points, which carry no types of their own, with types."""

from collections.abc import Callable, Sequence
from typing import Any

from bytewax import recovery, testing
from bytewax.dataflow import Dataflow

from flows.clock import ended_if_set_back

__all__ = ["RecoveryConfig", "cluster_main", "init_db_dir", "run_here"]

RecoveryConfig: Callable[..., Any] = recovery.RecoveryConfig
init_db_dir: Callable[..., None] = recovery.init_db_dir
_cluster_main: Callable[..., None] = testing.cluster_main
_run_main: Callable[..., None] = testing.run_main


def cluster_main(flow: Dataflow, addresses: Sequence[str], number: int, **options: Any) -> None:
    """One worker of ``flow``, in this thread.

    Unlike `bytewax.run` it starts no web server, which would show the flow to whoever reaches any of our addresses.
    """
    with ended_if_set_back():
        if addresses or "worker_count_per_proc" in options:
            _cluster_main(flow, list(addresses), number, **options)
        else:  # from a thread of Bytewax's own each call into Python would map and unmap memory for its stack
            _run_main(flow, **options)


def run_here(flow: Dataflow) -> None:
    """Run ``flow`` to its end with one worker and no recovery; what a connector raises comes out as it is."""
    cluster_main(flow, [], 0)
