"""Bytewax's entry points, which carry no types of their own, with types."""

from collections.abc import Callable
from typing import Any

from bytewax import recovery, testing
from bytewax.dataflow import Dataflow

__all__ = ["RecoveryConfig", "cluster_main", "init_db_dir", "run_here"]

RecoveryConfig: Callable[..., Any] = recovery.RecoveryConfig
init_db_dir: Callable[..., None] = recovery.init_db_dir
cluster_main: Callable[..., None] = testing.cluster_main
"""Unlike `bytewax.run` it starts no web server, which would show the flow to whoever reaches any of our addresses."""


def run_here(flow: Dataflow) -> None:
    """Run ``flow`` to its end with one worker and no recovery; what a connector raises comes out as it is."""
    cluster_main(flow, [], 0)
