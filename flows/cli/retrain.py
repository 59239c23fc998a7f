"""`candlewick retrain`."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.evaluate import CONFIG, LEDGER
from flows.cron import Cron
from flows.process import stop_flag
from flows.settings import Settings, load
from schemas.errors import CandlewickError
from schemas.time import SECOND
from sinks.database import connect, in_one_line
from sinks.export import newest_alert

if TYPE_CHECKING:
    from flows.retrain import Plan

__all__ = ["retrain"]

_LOOK_S = 15.0


def retrain(
    *,
    once: Annotated[bool, typer.Option("--once", help="One round, now")] = False,
    cron: Annotated[str, typer.Option(help="When, in cron's five fields, UTC")] = "0 3 1 * *",
    cooldown_days: Annotated[float, typer.Option(min=0, help="Between rounds that an alert of drift begins")] = 3.0,
    days: Annotated[float, typer.Option(min=0.01, help="Of candidates to learn from")] = 90.0,
    least: Annotated[int, typer.Option(min=1, help="Outcomes in the shadow before a promotion")] = 100,
    at_once: Annotated[bool, typer.Option("--at-once", help="The first of a model serves without a shadow")] = False,
    despite_gates: Annotated[
        bool, typer.Option("--despite-gates", help="Go on with one that did not pass its gates, and say so")
    ] = False,
    config: Annotated[Path | None, CONFIG] = None,
    ledger: Annotated[Path, LEDGER] = Path(".candlewick/ledger.jsonl"),
) -> None:
    """Train challengers on what the store holds, let them prove themselves in the shadow, and promote who is better."""
    from flows.retrain import Plan  # noqa: PLC0415, only who learns needs what it stands on
    from flows.training import train_config  # noqa: PLC0415

    settings = load()
    plan = Plan(
        days=days, least=least, at_once=at_once, despite_gates=despite_gates, config=train_config(config), ledger=ledger
    )
    if once:
        _round(settings, plan)
        return
    times, stop = Cron(cron), stop_flag()
    due, last = times.after(_now()), _now()
    typer.echo(f"next at {due:%Y-%m-%d %H:%M} UTC, or after an alert of drift")
    while not stop.wait(_LOOK_S):
        try:
            if _now() < due and not _alerted(settings, last, timedelta(days=cooldown_days)):
                continue
            _round(settings, plan)
        except CandlewickError as error:  # the next round may go well
            typer.echo(f"candlewick: {error}", err=True)
        due, last = times.after(_now()), _now()


def _round(settings: Settings, plan: "Plan") -> None:
    from flows.retrain import retrain as one_round  # noqa: PLC0415

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
