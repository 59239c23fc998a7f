"""`candlewick retrain`."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.evaluate import CONFIG, LEDGER
from flows.cron import Cron
from flows.process import stop_flag
from flows.rounds import Marks, Rounds
from flows.settings import Settings, load
from schemas.errors import CandlewickError
from schemas.time import SECOND, Timeframe
from sinks.database import connect, in_one_line
from sinks.export import newest_alert

if TYPE_CHECKING:
    from flows.retrain import Plan

__all__ = ["retrain"]

_LOOK_S = 15.0


def retrain(
    *,
    once: Annotated[bool, typer.Option("--once", help="One round, now")] = False,
    now: Annotated[bool, typer.Option("--now", help="The first round now, the others by cron")] = False,
    cron: Annotated[str, typer.Option(help="When, in cron's five fields, UTC")] = "0 3 1 * *",
    look_cron: Annotated[str, typer.Option(help="When shadows are judged, between the rounds")] = "0 4 * * *",
    regimes_cron: Annotated[str, typer.Option(help="When regimes are fitted anew")] = "0 */12 * * *",
    regimes_timeframe: Annotated[Timeframe, typer.Option(help="Of the closes that regimes are fitted on")] = "5m",
    cooldown_days: Annotated[float, typer.Option(min=0, help="Between rounds that an alert of drift begins")] = 3.0,
    days: Annotated[float, typer.Option(min=0.01, help="Of candidates to learn from")] = 90.0,
    least: Annotated[int, typer.Option(min=1, help="Outcomes in the shadow before a promotion")] = 100,
    patience: Annotated[
        float, typer.Option(min=0.01, metavar="DAYS", help="After which an undecided challenger leaves the shadow")
    ] = 60.0,
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
        days=days, least=least, patience=patience, held_back=held_back, at_once=at_once,
        despite_gates=despite_gates, past=past, config=train_config(config), ledger=ledger,
    )  # fmt: skip
    if once:
        _round(settings, plan)
        return
    marks = Marks(ledger.with_name("rounds.jsonl"))
    last, cooldown, memory = marks.begun or _now(), timedelta(days=cooldown_days), ledger.with_name("regimes.jsonl")
    rounds = Rounds(Cron(cron), _now(), at_once=now or marks.open, begun=marks.begun)
    looks, regimes = Rounds(Cron(look_cron), _now()), Rounds(Cron(regimes_cron), _now())
    stop = stop_flag()
    typer.echo(f"next at {rounds.due:%Y-%m-%d %H:%M} UTC, or after an alert of drift; regimes at {regimes.due:%H:%M}")
    while not stop.is_set():
        if _now() >= regimes.due:
            _tried(regimes, partial(_regimes, settings, regimes_timeframe, days, memory))
        if _now() >= rounds.due or _alerted(settings, last, cooldown):
            last = _now()
            marks.begin(last)
            error = _tried(rounds, partial(_round, settings, plan))
            if error is None:  # which has looked at the shadows too
                looks.done(last, _now())
                marks.end(_now())
            elif rounds.failures == 1:
                _tell(settings, error, rounds.due)
        elif _now() >= looks.due:
            _tried(looks, partial(_round, settings, plan, only_look=True))
        stop.wait(_LOOK_S)


def _tried(rounds: Rounds, what: Callable[[], None]) -> CandlewickError | None:
    """Do it; why it failed, which is told with when it is tried again."""
    begun = _now()
    try:
        what()
    except CandlewickError as error:
        rounds.failed(_now())
        typer.echo(f"candlewick: {error}; next at {rounds.due:%Y-%m-%d %H:%M} UTC", err=True)
        return error
    rounds.done(begun, _now())
    return None


def _tell(settings: Settings, failure: CandlewickError, due: datetime) -> None:
    """On the changelog, if the log can be written: that a round failed."""
    from flows.models import effective_close, fail

    try:
        fail(settings, effective_close(None), failure, due)
    except CandlewickError as error:
        typer.echo(f"candlewick: {error}", err=True)


def _regimes(settings: Settings, timeframe: Timeframe, days: float, memory: Path) -> None:
    from flows.regimes import refit

    refit(settings, timeframe, days, memory)
    typer.echo(f"regimes of {timeframe} are fitted and told")


def _round(settings: Settings, plan: "Plan", *, only_look: bool = False) -> None:
    from flows.retrain import look
    from flows.retrain import retrain as one_round

    for decision in (look if only_look else one_round)(settings, plan):
        named = f"{decision.model} {decision.version}: " if decision.model else ""
        typer.echo(f"{decision.what}: {named}{decision.why}")


def _alerted(settings: Settings, last: datetime, cooldown: timedelta) -> bool:
    """Whether drift raised an alert since the last round, and that is long enough ago; not, if the store is away."""
    if _now() - last < cooldown:
        return False
    dsn = settings.database.reader
    try:
        with in_one_line(dsn), connect(dsn) as connection:
            newest = newest_alert(connection)
    except CandlewickError as error:
        typer.echo(f"candlewick: {error}", err=True)
        return False
    return newest is not None and newest / SECOND > last.timestamp()


def _now() -> datetime:
    return datetime.now(UTC)
