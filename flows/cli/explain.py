"""`candlewick explain`."""

import asyncio
from pathlib import Path
from typing import Annotated
from uuid import UUID

import psycopg
import typer
from msgspec import Struct, json
from rich.console import Console
from rich.table import Table

from flows.errors import FlowError
from flows.settings import load
from schemas.signals import ModelOpinion, Signal
from schemas.time import to_text
from sinks.database import in_one_line
from sinks.queries import signal as stored
from sources.result_files import read_results, result_file

__all__ = ["explain"]


class _Glance(Struct):
    id: str


def explain(
    signal_id: Annotated[str, typer.Argument(metavar="SIGNAL_ID", help="As topics, tables and the page show it")],
    *,
    directory: Annotated[
        Path | None, typer.Option("--from", metavar="DIRECTORY", help="Of a replay; default: the database")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Say why a signal is as it is: its rules, its models, and what each input added to their logits."""
    try:
        identifier = str(UUID(signal_id))
    except ValueError as error:
        raise FlowError(f"signal {signal_id}: an identifier is a UUID") from error
    found = _from_files(directory, identifier) if directory is not None else _from_database(identifier)
    if found is None:
        raise FlowError(f"signal {identifier}: there is none in {directory or 'the database'}")
    if as_json:
        typer.echo(json.format(json.encode(found)).decode())
        return
    about = f"{found.instrument_id} {found.timeframe} {found.direction}, {found.status}, at {to_text(found.ts_event)}"
    typer.echo(f"{found.id}: {about}\n{found.explanation}")
    for veto in found.vetoes:
        typer.echo(f"Vetoed: {veto}")
    console = Console(width=None if typer.get_text_stream("stdout").isatty() else 120)
    console.print(_rules(found))
    for opinion in found.models:
        console.print(_model(opinion))


def _from_files(directory: Path, identifier: str) -> Signal | None:
    topics = ("signals.published", "signals.candidates")
    paths = {topic: result_file(directory, topic) for topic in topics}
    if not any(paths.values()):
        raise FlowError(f"{directory}: neither {' nor '.join(topics)}; name what `candlewick replay` wrote")
    for topic, path in paths.items():
        if path is not None:
            for found in read_results(path, topic, _Glance, lambda glance: glance.id == identifier):
                return found if isinstance(found, Signal) else None
    return None


def _from_database(identifier: str) -> Signal | None:
    dsn = load().database.reader

    async def ask() -> Signal | None:
        async with await psycopg.AsyncConnection.connect(dsn) as connection:
            return await stored(connection, identifier)

    with in_one_line(dsn):
        return asyncio.run(ask())


def _rules(signal: Signal) -> Table:
    kind = "probability" if signal.calibrated else "not calibrated"
    table = Table("factor", "value", "adds", "words", title=f"confidence {signal.confidence:.3f}, {kind}")
    for factor in signal.key_factors:
        table.add_row(factor.feature, f"{factor.value:.6g}", f"{factor.contribution:+.4f}", factor.words)
    return table


def _model(opinion: ModelOpinion) -> Table:
    title = f"{opinion.model} {opinion.version}: probability {opinion.probability:.4f}, weight {opinion.weight:.2f}"
    table = Table("input", "value", "adds to the logit", title=title)
    if opinion.logit is None or opinion.base is None:
        table.caption = "its parts are not told of what the rules veto"
        return table
    table.add_row("(on average)", "", f"{opinion.base:+.6f}")
    for part in opinion.contributions:
        value = "not known" if part.value is None else f"{part.value:.6g}"
        table.add_row(part.feature, value, f"{part.contribution:+.6f}")
    table.add_row("= logit", "", f"{opinion.logit:+.6f}")
    return table
