"""The engine: what `candlewick run` runs, to the log's present end."""

import threading
from pathlib import Path
from typing import Any

from benchmarks.jobs.task import Clock, Measure, Task, answer
from flows.recovery import recovery
from flows.run import run_worker
from flows.runtime import RecoveryConfig
from flows.settings import EngineSettings, KafkaSettings, ModelsSettings, Settings, StrategySettings, SupervisorSettings

__all__ = ["measure"]


class _Asked(threading.Event):
    """A flag that is never set: the source looks at it before its first read and each further one."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def is_set(self) -> bool:
        self._clock.begin()
        return False


def measure(task: Task) -> Measure:
    """One worker: alone, or of a cluster whose recovery directory is prepared and held by whoever started it."""
    options, folder, clock = task.options, Path(task.folder), Clock()
    settings = Settings(
        kafka=KafkaSettings(bootstrap=task.bootstrap),
        engine=EngineSettings(recovery_dir=folder / "recovery", **options.get("engine", {})),
        strategy=StrategySettings(**options.get("strategy", {})),
        models=ModelsSettings(**options.get("models", {})),
        supervisor=SupervisorSettings(dir=folder / "vitals"),
    )
    addresses, number = options.get("addresses", []), options.get("number", 0)

    def work(state: Any) -> None:
        run_worker(settings, addresses, number, state, _Asked(clock), until_end=True)

    if not options.get("recovery", True):
        work(None)
    elif options.get("alone"):
        with recovery(settings) as state:
            work(state)
    else:
        work(RecoveryConfig(str(settings.engine.recovery_dir)))
    return clock.end(task.messages)


if __name__ == "__main__":
    answer(measure)
