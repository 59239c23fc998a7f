"""The demo: a simulated market through every stage on this machine alone, with nothing to install beside Python."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from shutil import rmtree
from typing import Final

import psycopg
from msgspec import Struct
from psycopg.conninfo import make_conninfo

from flows.embedded.broker import CLIENT, EmbeddedBroker
from flows.embedded.postgres import EmbeddedPostgres
from flows.errors import FlowError
from flows.process import command
from flows.serve import claim_port
from flows.settings import Settings, load
from flows.stages import stages
from schemas.time import MINUTE, floor_to
from sinks.migrate import migrate

__all__ = ["Demo", "demo"]

_PARTITIONS: Final = 4
_HISTORY_DAYS: Final = 1.0
_PAST: Final = 75 * MINUTE
_PAST_SPEED: Final = 400.0
"""The past hour is played at this speed before the market goes on in real time."""
_FAULTS: Final = (
    '{"gap": {"per_hour": 1.0}, "garbage": {"per_hour": 2.0}, "late": {"per_hour": 4.0, "only": ["sim:BTC/USDT"]}}'
)
"""A real market has them too, and the page is there to show what becomes of them."""
_PATIENCE_S: Final = 45.0
_POLL_S: Final = 0.1
_END_S: Final = 10.0
_TALKATIVE: Final = {"threshold": 0.25, "cooldown_bars": 4, "timeframes": ["1m", "5m"], "horizon_bars": 12}
"""So that the history has outcomes to learn from: without a book two of the strategy's factors are not known. Half of
the usual horizon: bets on outcomes that overlap wait for one another, and so there are more tables of them."""
_TREND: Final = "0.3"
"""So that there is something to be learned: drifts that stay for an hour or so, as no real market has them. With more
of it the gates take what knows the last bars for what knows the next one."""
_PAST_DAYS: Final = 24
"""That models learn from, but for the last ones: fewer leave the gates in doubt."""
_HELD_BACK: Final = "6"
"""Of them, whose outcomes say whether a challenger is better than the base rate: fewer leave that undecided."""
_TRADED: Final = 1e8
"""Of a large trader: with the fees of a small one too little is left of the drift."""
_TRAINING: Final = (
    "--now", "--cron", "*/2 * * * *", "--days", "2", "--held-back", _HELD_BACK, "--past", "past",
    "--ledger", "training/ledger.jsonl",
)  # fmt: skip
_OURS: Final = tuple(
    f"CANDLEWICK_{name}" for name in ("KAFKA", "DATABASE", "ENGINE", "STRATEGY", "COSTS", "MODELS", "SUPERVISOR")
)


class Demo(Struct):
    """A demo that runs."""

    url: str
    settings: Settings
    processes: "dict[str, subprocess.Popen[bytes]]"
    after: "dict[str, Callable[[], subprocess.Popen[bytes]]]"
    """By process that ends by itself: what takes its place."""

    def check(self) -> None:
        """Raises FlowError if one of the processes has ended that should not."""
        for name, process in self.processes.items():
            if process.poll() == 0 and name in self.after:
                self.processes[name] = self.after.pop(name)()
            elif process.poll() is not None:
                raise FlowError(f"demo: {name} ended with status {process.returncode}; its reason stands above")

    def wait(self, until: Callable[[], bool]) -> None:
        """Return when ``until`` says so; raises FlowError if a process ends before."""
        while not until():
            self.check()
            time.sleep(_POLL_S)


@contextmanager
def demo(folder: Path, seed: int, stopped: Callable[[], bool]) -> Iterator[Demo]:
    """Everything started; within the block the page has a market, behind it nothing is left running.

    The embedded broker keeps nothing beyond its life, so every start begins with a new market.

    Raises:
        FlowError: the API's port is taken, another demo runs in ``folder``, or a part did not start.
    """
    folder = folder.absolute()
    claim_port(load(with_file=False))
    with ExitStack() as stack:
        database = stack.enter_context(EmbeddedPostgres(folder / "postgres"))
        for old in ("recovery", "vitals", "models", "past", "training"):
            rmtree(folder / old, ignore_errors=True)
        _renew(database.dsn)
        broker = stack.enter_context(EmbeddedBroker(_PARTITIONS))
        settings = load(
            with_file=False,
            profile="embedded",
            kafka={
                "bootstrap": broker.bootstrap, "partitions": _PARTITIONS, "transactions": False, "client": dict(CLIENT),
            },
            database={"dsn": database.dsn},
            engine={"recovery_dir": folder / "recovery", "epoch_interval_s": 2},
            strategy=_TALKATIVE,
            costs={"traded": _TRADED},
            models={"dir": folder / "models", "online": True},
            supervisor={"dir": folder / "vitals"},
        )  # fmt: skip
        migrate(database.dsn)
        running = Demo(f"http://{settings.api.host}:{settings.api.port}", settings, {}, {})
        stack.callback(_end, running.processes)
        commands = _commands(seed)
        trainer = commands.pop("trainer")
        for name, words in commands.items():
            running.processes[name] = _start(words, settings, folder)
        deadline = time.monotonic() + _PATIENCE_S
        running.wait(lambda: stopped() or _has_signals(settings) or time.monotonic() > deadline)
        # Now that there is something to look at. Who learns online has no say in what batch models learn of the past.
        past = settings.model_copy(update={"models": settings.models.model_copy(update={"online": False})})
        running.processes["trainer"] = _start(trainer, past, folder)
        running.after["trainer"] = lambda: _start(["retrain", *_TRAINING], settings, folder)
        yield running


def _commands(seed: int) -> dict[str, list[str]]:
    begin = str(floor_to(time.time_ns() - _PAST, MINUTE))
    market = ["--seed", str(seed), "--trend", _TREND]
    live = ["--live", "--speed", str(_PAST_SPEED), "--faults", _FAULTS, "--start", begin]
    past = ["--simulate", str(_PAST_DAYS), "--end", begin, "--out", "past", "--format", "parquet"]
    return {
        "engine": ["run"],
        "store": ["store"],
        "api": ["api"],
        "trainer": ["replay", *past, *market],
        "simulator": ["ingest", "--simulate", *live, "--history-days", str(_HISTORY_DAYS), *market],
    }


def _start(words: list[str], settings: Settings, folder: Path) -> "subprocess.Popen[bytes]":
    """A subcommand with these settings alone, in a session of its own: Ctrl-C reaches us, we end it in our order."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    for name in _OURS:
        environment[name] = getattr(settings, name.rpartition("_")[2].lower()).model_dump_json()
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)  # `folder` is not where we are
    null = subprocess.DEVNULL  # errors are still told
    words = command(*words)
    return subprocess.Popen(words, cwd=folder, env=environment, stdin=null, stdout=null, start_new_session=True)


def _end(processes: "dict[str, subprocess.Popen[bytes]]") -> None:
    """From the source to the sink, so that each has what the one before it wrote last."""
    for process in reversed(processes.values()):
        process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + _END_S
    for process in processes.values():
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _renew(dsn: str) -> None:
    """An empty database in place of the last market's."""
    with psycopg.connect(make_conninfo(dsn, dbname="postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS candlewick WITH (FORCE)")
        connection.execute("CREATE DATABASE candlewick")


def _has_signals(settings: Settings) -> bool:
    return any(stage.table == "signals" and stage.rows for stage in stages(settings))
