"""`candlewick doctor`."""

import sys
from typing import Annotated, Final

import typer
from msgspec import json
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.doctor import Finding, State, examine
from flows.settings import load

__all__ = ["doctor"]

_COLOURS: Final[dict[State, str]] = {"ok": "green", "warn": "yellow", "bad": "red"}


def doctor(*, as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False) -> None:
    """Check broker, topics, database, clocks, disk, recovery directory and port; exit status 1 if something is bad."""
    findings = examine(load())
    if as_json:
        typer.echo(json.format(json.encode(findings)).decode())
    else:
        Console(width=None if sys.stdout.isatty() else 160).print(_table(findings))
    if any(finding.state == "bad" for finding in findings):
        raise typer.Exit(1)


def _table(findings: list[Finding]) -> Table:
    table = Table("check", "state", "found", "what to do")
    for finding in findings:
        state = Text(finding.state, _COLOURS[finding.state])
        table.add_row(finding.check, state, Text(finding.found), Text(finding.advice))
    return table
