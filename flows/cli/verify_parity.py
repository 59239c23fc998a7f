"""`candlewick verify-parity`."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from flows.errors import FlowError
from flows.parity import verify_parity as verify
from flows.settings import load
from schemas.time import MICROSECOND

__all__ = ["verify_parity"]


def verify_parity(
    *,
    since: Annotated[str | None, typer.Option(help="Only results decided from then on, ISO 8601 UTC")] = None,
    until: Annotated[str | None, typer.Option(help="Only results decided before then")] = None,
    running: Annotated[bool, typer.Option("--running", help="The engine may still be behind the log's end")] = False,
) -> None:
    """Run the log through the engine again and hold the results against what live wrote; exit 1 if they differ."""
    found = verify(load(), since=_ns("--since", since) or 0, until=_ns("--until", until), running=running)
    if found.pending:
        typer.echo(f"{found.pending} results are not written yet by the live engine")
    if found.repeated:
        typer.echo(f"{found.repeated} results stand there again, equal, as a crash may leave them")
    if found.difference is None:
        typer.echo(f"identical: {found.compared} results")
        return
    typer.echo(f"{found.differences} of {found.compared} results differ; the first:")
    typer.echo(found.difference)
    raise typer.Exit(1)


def _ns(option: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise FlowError(f"{option} {text!r}: not a time, write it like 2024-08-09T00:00:00Z") from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 * 1_000_000 + delta.seconds * 1_000_000 + delta.microseconds) * MICROSECOND
