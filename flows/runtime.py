"""Bytewax's entry points, which carry no types of their own, with types."""

from collections.abc import Callable
from typing import Any

from bytewax import recovery, testing

__all__ = ["RecoveryConfig", "cluster_main", "init_db_dir", "run_main"]

RecoveryConfig: Callable[..., Any] = recovery.RecoveryConfig
init_db_dir: Callable[..., None] = recovery.init_db_dir
cluster_main: Callable[..., None] = testing.cluster_main
run_main: Callable[..., None] = testing.run_main
