"""The supervisor's loop: every stage runs, or is on its way back, or all of them end."""

import logging
import time
from collections.abc import Mapping, Sequence
from threading import Event
from typing import Final

from flows.errors import FlowError
from flows.process import status_text
from flows.settings import Settings, SettingsError, SupervisorSettings, limits, load
from flows.supervise.child import Child
from flows.supervise.progress import Progress
from flows.supervise.restarts import Restarts
from flows.vitals import Pulse
from schemas.errors import AwayError, CandlewickError
from schemas.vitals import Check, Vitals
from sinks.health import checks
from sinks.vitals import read_vitals

__all__ = ["STAGES", "CrashLoopError", "Supervisor"]

_log: Final = logging.getLogger(__name__)

STAGES: Final = {"engine": "run", "store": "store", "api": "api"}
"""Each stage's subcommand, in the order in which the stages end: each takes what the one before it wrote last."""

_POLL_S: Final = 0.05
_LOOK_S: Final = 1.0
_IN_ORDER_S: Final = 4.0
"""For the first stage alone to end; then all others are asked to, whatever it does."""
_END_S: Final = 9.0
"""For all of them; who still runs then is killed, and what it has not finished is read again."""


class CrashLoopError(FlowError):
    """A stage dies again and again."""

    exit_status = 70


class _Stage:
    """One stage from start to start."""

    def __init__(self, name: str, command: Sequence[str], settings: SupervisorSettings) -> None:
        self.name, self._command, self._settings = name, command, settings
        self.restarts = Restarts(settings.deaths, settings.deaths_within_s)
        self.child: Child | None = None
        self.progress = self._watchdog()
        self.due = 0.0
        self.remark = ""
        """Why it does not run."""
        self.renewing = False

    def start(self) -> None:
        self.child, self.progress, self.remark = Child(self.name, self._command), self._watchdog(), ""
        self.restarts.started(time.monotonic())

    def _watchdog(self) -> Progress:
        return Progress(self._settings.stall_s, self._settings.start_s)


class Supervisor:
    """Runs all of ``commands`` until ``stop``.

    A stage that dies is started again, at once or after a growing pause; one that dies too often, or that refuses to
    work since a person has to do something first, ends all of them.

    Parameters:
        commands: by stage, in the order in which the stages are to end.
        renew: set it to have every stage stopped and started with the settings as they are then.
    """

    def __init__(
        self, settings: Settings, commands: Mapping[str, Sequence[str]], stop: Event, renew: Event, pulse: Pulse
    ) -> None:
        self._settings, self._limits = settings.supervisor, limits(settings)
        self._stop, self._renew, self._pulse = stop, renew, pulse
        self._stages = [_Stage(name, command, settings.supervisor) for name, command in commands.items()]

    def run(self) -> None:
        """Start all; returns when ``stop`` is set and all have ended.

        Raises:
            CrashLoopError: a stage is given up.
            FlowError: a stage refuses to work.
        """
        look = 0.0
        try:
            while not self._stop.wait(_POLL_S):
                now = time.monotonic()
                if self._renew.is_set():
                    self._renew.clear()
                    self._begin_anew()
                for stage in self._stages:
                    self._care(stage, now)
                if now >= look:
                    self._look(now)
                    look = now + _LOOK_S
        finally:
            self._end()

    def checks(self) -> list[Check]:
        """What has to be true for all to be ready; may be asked by any thread."""
        children = {stage.name: stage.child for stage in self._stages}
        groups = {name: 0 if child is None else child.pid for name, child in children.items()}
        found = [one for one in read_vitals(self._settings.dir) if groups.get(one.stage, one.group) == one.group]
        told = {check.name: check for check in checks(found, time.monotonic_ns(), self._limits)}
        for stage in self._stages:
            if stage.name not in told:
                told[stage.name] = Check(name=stage.name, ok=False, detail=stage.remark or "is starting")
        return list(told.values())

    def _begin_anew(self) -> None:
        try:
            load()
        except SettingsError as error:
            _log.warning("everything goes on with the settings of before: %s", error)
            return
        for stage in self._stages:
            if stage.child is not None:
                stage.renewing = True
                stage.child.stop()

    def _care(self, stage: _Stage, now: float) -> None:
        if stage.child is None:
            if now >= stage.due:
                stage.start()
            return
        status = stage.child.status()
        if status is None:
            return
        last, stage.child = stage.child.last_line, None
        what = f"{stage.name} {status_text(status)}" + (f": {last}" if last else "")
        if stage.renewing:
            stage.renewing, delay = False, 0.0
        elif status == AwayError.exit_status:
            delay = stage.restarts.went_without(now)
        elif status == CandlewickError.exit_status:
            raise FlowError(f"{what}; a person has to mend that, so all stages were stopped")
        else:
            died = stage.restarts.died(now)
            if died is None:
                often = f"{self._settings.deaths} times within {self._settings.deaths_within_s:g} s"
                raise CrashLoopError(f"{what}; it died {often}, so all stages were stopped")
            delay = died
        self._pulse.counts[f"restarts.{stage.name}"] += 1
        stage.due = now + delay
        stage.remark = f"{what}; it is started again in {delay:g} s"
        _log.warning("%s", stage.remark)

    def _look(self, now: float) -> None:
        """Kill who only seems to live."""
        self._pulse.turn()
        if not self._pulse.written:
            return  # nor can anybody else write: that nothing is heard says nothing
        found = read_vitals(self._settings.dir)
        for stage in self._stages:
            if stage.child is not None:
                stalled = stage.progress.look(_workers(found, stage.child.pid), now)
                if stalled is not None:
                    _log.warning("%s: %s; it is killed", stage.name, stalled)
                    self._pulse.counts[f"stalls.{stage.name}"] += 1
                    stage.child.kill()

    def _end(self) -> None:
        begun = time.monotonic()
        for stage in self._stages:
            if stage.child is not None:
                stage.child.stop()
                self._wait(stage.child, begun + _IN_ORDER_S)
        for stage in self._stages:
            if stage.child is not None and not self._wait(stage.child, begun + _END_S):
                _log.warning("%s has not ended within %.0f s; it is killed", stage.name, _END_S)
                stage.child.kill()

    def _wait(self, child: Child, deadline: float) -> bool:
        while child.status() is None:
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_S)
        return True


def _workers(found: Sequence[Vitals], group: int) -> list[Vitals]:
    return [vitals for vitals in found if vitals.group == group]
