"""The store: what `candlewick store --until-end` runs."""

import threading
from pathlib import Path

from benchmarks.jobs.task import Clock, Measure, Task, answer
from flows.settings import DatabaseSettings, KafkaSettings, Settings, SupervisorSettings
from flows.store import run_store

__all__ = ["measure"]


def measure(task: Task) -> Measure:
    """Copy every result topic to its table; the clock runs from before the first connection to after the last."""
    settings = Settings(
        kafka=KafkaSettings(bootstrap=task.bootstrap),
        database=DatabaseSettings(dsn=task.options["dsn"]),
        supervisor=SupervisorSettings(dir=Path(task.folder, "vitals")),
    )
    clock = Clock().begin()
    stored = sum(run_store(settings, until_end=True, stop=threading.Event()).values())
    return clock.end(stored)


if __name__ == "__main__":
    answer(measure)
