"""What the parts of a run share: where to work, how often to repeat, and brokers with their logs."""

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from benchmarks.broker import Stage, send, stage
from benchmarks.data import Written, copies, recording
from benchmarks.jobs.task import Measure, Task, free_ports, result, run
from flows.recovery import recovery
from flows.settings import EngineSettings, KafkaSettings, Settings, SupervisorSettings

__all__ = ["SPLIT", "Context"]

SPLIT: Final = {
    b"trade": "split.trades", b"quote": "split.quotes", b"book_delta": "split.books", b"book_snapshot": "split.books",
}  # fmt: skip
"""The log as one topic a type, for those who align several topics in time."""


class Context:
    """Of one run."""

    def __init__(self, folder: Path, *, quick: bool, runs: int, peers: str | None) -> None:
        self.folder, self.quick, self.runs = folder, quick, runs
        self.peers = peers
        """The interpreter that has the peers' packages; ``None``: leave them out."""
        self.path, self.log = recording(folder)
        self._stack = ExitStack()
        self._stages: dict[str, Stage] = {}

    @contextmanager
    def brokers(self) -> Iterator[None]:
        """Brokers that are started within end with it: none stands idle beside what is measured next."""
        with ExitStack() as self._stack:
            yield
        self._stages.clear()

    def say(self, text: str) -> None:
        """Tell what goes on."""
        print(f"  {text}", flush=True)  # noqa: T201, this is a command

    def stage(self, instruments: int, seconds: float, *, history: int = 0) -> Stage:
        """A broker with so many instruments' first seconds in its log; made once."""
        name = f"{instruments} {seconds} {history}"
        if name not in self._stages:
            self.say(f"a broker with a log of {instruments} instruments")
            made = self.empty(copies(self.path, instruments=instruments, seconds=seconds, history=history), instruments)
            made.topic("features")
            self._stages[name] = made
        return self._stages[name]

    def empty(self, messages: Iterable[Written], instruments: int) -> Stage:
        """A broker of its own, with ``messages`` in its log."""
        return self._stack.enter_context(stage(self.folder, messages, instruments=instruments))

    def split(self, at: Stage, seconds: float, *, history: int) -> int:
        """Write the log's messages of a market to a topic a type as well; how many."""
        for name in set(SPLIT.values()):
            at.topic(name)
        messages = copies(self.path, instruments=at.instruments, seconds=seconds, history=history)
        return send(at.broker.client, messages, SPLIT)

    def scratch(self) -> Path:
        """A new folder."""
        return Path(tempfile.mkdtemp(dir=self.folder))

    def job(self, name: str, at: Stage, **options: object) -> Measure:
        """Run one of `benchmarks.jobs` over the whole log."""
        return self._run(f"jobs.{name}", self._task(at, self.scratch(), options), None)

    def peer(self, name: str, at: Stage, *, messages: int | None = None, **options: object) -> Measure:
        """Run one of `benchmarks.peers`, perhaps over a part of the log only."""
        task = self._task(at, self.scratch(), options, messages)
        return self._run(f"peers.{name}", task, self.peers)

    def engine(
        self, at: Stage, *, workers: int = 1, keeps: bool = True, strategy: Mapping[str, object] | None = None,
        models: Mapping[str, object] | None = None, **engine: object,
    ) -> Measure:  # fmt: skip
        """Run the engine over the whole log, into empty topics; ``keeps``: with recovery. The rest are settings."""
        at.clear()
        folder = self.scratch()
        options = {"recovery": keeps, "engine": engine, "strategy": strategy or {}, "models": models or {}}
        try:
            if workers == 1:
                return result(run("jobs.engine", self._task(at, folder, {**options, "alone": True})))
            addresses = [f"127.0.0.1:{port}" for port in free_ports(workers)]
            with recovery(self.settings(at, folder)):
                tasks = [
                    self._task(at, folder, {**options, "addresses": addresses, "number": number})
                    for number in range(workers)
                ]
                measures = [result(job) for job in [run("jobs.engine", task) for task in tasks]]
            return together(measures)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def settings(self, at: Stage, folder: Path, **engine: object) -> Settings:
        """Those of an engine that works in ``folder``."""
        return Settings(
            kafka=KafkaSettings(bootstrap=at.bootstrap),
            engine=EngineSettings(recovery_dir=folder / "recovery", **engine),  # type: ignore[arg-type]  # checked by it
            supervisor=SupervisorSettings(dir=folder / "vitals"),
        )

    def interleaved(self, jobs: dict[str, Callable[[], Measure]]) -> list[dict[str, Measure]]:
        """Run all jobs one after the other, so many times over."""
        rounds = []
        for number in range(self.runs):
            done = {}
            for name, job in jobs.items():
                done[name] = measure = job()
                self.say(f"{number + 1}/{self.runs} {name}: {measure.rate / 1_000:,.0f} thousand messages/s")
            rounds.append(done)
        return rounds

    def _task(self, at: Stage, folder: Path, options: dict[str, object], messages: int | None = None) -> Task:
        most = at.messages if messages is None else min(messages, at.messages)
        return Task(bootstrap=at.bootstrap, messages=most, folder=str(folder), options=options)

    @staticmethod
    def _run(module: str, task: Task, python: str | None) -> Measure:
        try:
            return result(run(module, task, python))
        finally:
            shutil.rmtree(task.folder, ignore_errors=True)


def together(measures: list[Measure]) -> Measure:
    """Of several processes that did one job."""
    return Measure(
        messages=measures[0].messages,
        began=min(measure.began for measure in measures),
        ended=max(measure.ended for measure in measures),
        cpu=sum(measure.cpu for measure in measures),
        memory=sum(measure.memory for measure in measures),
    )
