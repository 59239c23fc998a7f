"""`candlewick verify-parity`."""

from typing import Annotated

import typer

from flows.moments import span
from flows.parity import verify_parity as verify
from flows.settings import load

__all__ = ["verify_parity"]


def verify_parity(
    *,
    since: Annotated[str | None, typer.Option(help="Only results decided from then on, ISO 8601 UTC")] = None,
    until: Annotated[str | None, typer.Option(help="Only results decided before then")] = None,
    running: Annotated[bool, typer.Option("--running", help="The engine may still be behind the log's end")] = False,
) -> None:
    """Run the log through the engine again and hold the results against what live wrote; exit 1 if they differ."""
    begin, end = span(since, until)
    found = verify(load(), since=begin, until=None if until is None else end, running=running)
    if found.pending:
        typer.echo(f"{found.pending} results are not written yet by the live engine")
    if found.repeated:
        typer.echo(f"{found.repeated} results stand there again, equal, as a crash may leave them")
    if found.difference is None:
        typer.echo(f"identical: {found.compared} results")
        return
    typer.echo(f"{found.differences} results differ, {found.compared} stand in the topics; the first:")
    typer.echo(found.difference)
    raise typer.Exit(1)
