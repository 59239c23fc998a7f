"""`candlewick retrain`."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from flows.cli.evaluate import CONFIG, LEDGER
from flows.cron import Cron
from flows.process import stop_flag
from flows.settings import Settings, load
from schemas.errors import CandlewickError
from schemas.time import SECOND, Timeframe
from sinks.database import connect, in_one_line
from sinks.export import newest_alert

if TYPE_CHECKING:
    from flows.retrain import Plan

__all__ = ["next_round", "retrain"]

_LOOK_S = 15.0
_IN_FORCE = timedelta(minutes=3)
"""After a round: what it decided counts from a close to come, and the next one has to know of it by the store."""
T = TypeVar("T")


def retrain(
    *,
    once: Annotated[bool, typer.Option("--once", help="One round, now")] = False,
    cron: Annotated[str, typer.Option(help="When, in cron's five fields, UTC")] = "0 3 1 * *",
    regimes_cron: Annotated[str, typer.Option(help="When regimes are fitted anew")] = "0 */12 * * *",
    regimes_timeframe: Annotated[Timeframe, typer.Option(help="Of the closes that regimes are fitted on")] = "5m",
    cooldown_days: Annotated[float, typer.Option(min=0, help="Between rounds that an alert of drift begins")] = 3.0,
    days: Annotated[float, typer.Option(min=0.01, help="Of candidates to learn from")] = 90.0,
    least: Annotated[int, typer.Option(min=1, help="Outcomes in the shadow before a promotion")] = 100,
    held_back: Annotated[
        float, typer.Option(min=0, metavar="DAYS", help="Not learned from; judged by their outcomes before the stream")
    ] = 0.0,
    at_once: Annotated[bool, typer.Option("--at-once", help="The first of a model serves without a shadow")] = False,
    despite_gates: Annotated[
        bool, typer.Option("--despite-gates", help="Go on with one that did not pass its gates, and say so")
    ] = False,
    past: Annotated[
        Path | None, typer.Option(help="What `candlewick replay` wrote of the time before; to learn from as well")
    ] = None,
    config: Annotated[Path | None, CONFIG] = None,
    ledger: Annotated[Path, LEDGER] = Path(".candlewick/ledger.jsonl"),
) -> None:
    """Train challengers on what the store holds, let them prove themselves in the shadow, and promote who is better."""
    from flows.retrain import Plan
    from flows.training import train_config

    settings = load()
    plan = Plan(
        days=days, least=least, held_back=held_back, at_once=at_once, despite_gates=despite_gates, past=past,
        config=train_config(config), ledger=ledger,
    )  # fmt: skip
    if once:
        _round(settings, plan)
        return
    times, regimes, stop = Cron(cron), Cron(regimes_cron), stop_flag()
    due, due_regimes, last = times.after(_now()), regimes.after(_now()), _now()
    typer.echo(f"next at {due:%Y-%m-%d %H:%M} UTC, or after an alert of drift; regimes at {due_regimes:%H:%M}")
    memory = ledger.with_name("regimes.jsonl")
    while not stop.wait(_LOOK_S):
        if _now() >= due_regimes:
            _tried(partial(_regimes, settings, regimes_timeframe, days, memory))
            due_regimes = regimes.after(_now())
        if _now() >= due or _tried(partial(_alerted, settings, last, timedelta(days=cooldown_days))):
            _tried(partial(_round, settings, plan))
            due, last = next_round(times, _now()), _now()


def next_round(times: Cron, ended: datetime) -> datetime:
    """The first of ``times`` at which what a round decided that has ``ended`` is in force."""
    return times.after(ended + _IN_FORCE)


def _tried(what: Callable[[], T]) -> T | None:
    """What it gives; what goes wrong is told, and the next time may go well."""
    try:
        return what()
    except CandlewickError as error:
        typer.echo(f"candlewick: {error}", err=True)
        return None


def _regimes(settings: Settings, timeframe: Timeframe, days: float, memory: Path) -> None:
    from flows.regimes import refit

    refit(settings, timeframe, days, memory)
    typer.echo(f"regimes of {timeframe} are fitted and told")


def _round(settings: Settings, plan: "Plan") -> None:
    from flows.retrain import retrain as one_round

    for decision in one_round(settings, plan):
        named = f"{decision.model} {decision.version}: " if decision.model else ""
        typer.echo(f"{decision.what}: {named}{decision.why}")


def _alerted(settings: Settings, last: datetime, cooldown: timedelta) -> bool:
    """Whether drift raised an alert since the last round, and that is long enough ago."""
    if _now() - last < cooldown:
        return False
    dsn = settings.database.reader
    with in_one_line(dsn), connect(dsn) as connection:
        newest = newest_alert(connection)
    return newest is not None and newest / SECOND > last.timestamp()


def _now() -> datetime:
    return datetime.now(UTC)
