"""One worker process of a cluster; started by `flows.cluster`, told what to do on standard input."""

import sys

from flows.cluster import Task
from flows.errors import status_of
from flows.process import stop_flag
from flows.remarks import show_remarks
from flows.run import run_worker
from flows.runtime import RecoveryConfig
from schemas.failpoints import arm

__all__ = ["main"]


def main() -> int:
    """Work until told to stop; 0 at a clean end, an error's own status after one line on standard error."""
    task = Task.model_validate_json(sys.stdin.buffer.read())
    show_remarks(f"candlewick: engine worker {task.number}")
    arm(task.settings.failpoint)
    stop = stop_flag()
    state = RecoveryConfig(str(task.settings.engine.recovery_dir))

    def work() -> None:
        run_worker(task.settings, task.addresses, task.number, state, stop, until_end=task.until_end, group=task.parent)

    return status_of(work, f"candlewick: engine worker {task.number}")
