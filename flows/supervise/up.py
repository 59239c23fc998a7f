"""One supervisor from start to end, with all that belongs to it."""

import signal
import threading
from collections.abc import Sequence
from contextlib import nullcontext

from prometheus_client import CollectorRegistry, generate_latest

from flows.process import command, stop_flag
from flows.settings import Settings, kafka_client, limits
from flows.supervise.endpoint import endpoint
from flows.supervise.hold import hold
from flows.supervise.liveness import Watchdog
from flows.supervise.supervisor import STAGES, Supervisor
from flows.vitals import Pulse
from schemas.vitals import Check
from sinks.exposition import VitalsCollector

__all__ = ["up"]


def up(settings: Settings, stages: Sequence[str], *, take_over: bool = False) -> None:
    """Run ``stages`` until SIGTERM or Ctrl-C.

    Parameters:
        take_over: from the supervisor that runs some of them in the same directory now.

    Raises:
        FlowError: a stage refuses to work or dies again and again, or another supervisor is in the way.
    """
    stop, told = stop_flag(), settings.supervisor
    renew = threading.Event()
    signal.signal(signal.SIGHUP, lambda *_: renew.set())
    registry = CollectorRegistry()
    with (
        hold(told.dir, stages, take_over=take_over, stop=stop.is_set),
        Pulse(told.dir, "supervisor", stop=stop.is_set) as pulse,
    ):
        commands = {stage: command(word) for stage, word in STAGES.items() if stage in stages}
        supervisor = Supervisor(settings, commands, stop, renew, pulse)
        registry.register(VitalsCollector(told.dir, limits(settings)))
        watchdog = Watchdog(kafka_client(settings), told.dir, told.liveness_s, stop.is_set, pulse)

        def checks() -> list[Check]:
            return [*supervisor.checks(), watchdog.check()] if "engine" in stages else supervisor.checks()

        with (
            endpoint(told.host, told.port, checks, lambda: generate_latest(registry)),
            watchdog if "engine" in stages and told.liveness_s else nullcontext(),
        ):
            pulse.at_work()
            supervisor.run()
