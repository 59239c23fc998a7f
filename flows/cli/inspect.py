"""`candlewick inspect`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from flows.errors import FlowError
from flows.inspect import TapeReport
from schemas.time import MILLISECOND, to_text
from sources.normalise.dialects import DIALECTS
from sources.tapes.tape import open_tapes

__all__ = ["inspect"]


def inspect(
    tapes: Annotated[list[Path], typer.Argument(help="files of one tape, in their order; packed or plain")],
    *,
    venue: Annotated[str | None, typer.Option(help=f"whose messages these are: {', '.join(DIALECTS)}")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="everything there is, as JSON")] = False,
) -> None:
    """Say what a recorded tape holds: counts, losses, the final book, one-minute bars, settlements, checksums."""
    (tape,) = open_tapes([(tapes, venue)])
    report = TapeReport(tape)
    first, lost = report.first_malformed, ""
    if first is not None:
        lost = f"could not be read: {report.malformed:,} of its lines, the first at {first.place}: {first.reason}"
    if not report.instruments:
        of = f" of venue {venue}" if venue else ""
        why = f"; {lost}" if lost else ""
        raise FlowError(f"{', '.join(map(str, tapes))}: no record{of} in it{why}")
    if as_json:
        typer.echo(msgspec.json.encode(report.result()))
    else:
        for name, found in report.result()["instruments"].items():
            Console().print(_table(name, found))
    if lost:
        typer.echo(lost, err=True)


def _table(name: str, found: dict[str, Any]) -> Table:
    table = Table(title=name, title_justify="left", title_style="bold", show_header=False, box=None)
    for line in _lines(found):
        table.add_row(*line)
    return table


def _lines(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "records", ", ".join(f"{count:,} {kind}" for kind, count in found["events"].items()) or "none"
    yield "gaps", f"{found['gaps']:,}"
    book, bars, checksums = found["book"], found["bars_1m"], found["checksums"]
    if book is None:
        yield "book", "unknown: there is no book snapshot"
    else:
        best = [f"{price} × {size}" for side in ("bids", "asks") for price, size in book[side][:1]]
        yield "book", "{:,} bids, {:,} asks; best ".format(*book["levels"]) + " / ".join(best)
    if any(checksums.values()):
        yield "checksums", f"{checksums['right']:,} right, {checksums['wrong']:,} wrong"
    if bars:
        first, last = (to_text(bar["open_ms"] * MILLISECOND) for bar in (bars[0], bars[-1]))
        yield "1m bars", f"{len(bars):,} with trades, {first} to {last}"
    if found["not_market_trades"]:
        yield "not of the market", ", ".join(f"trade {name}" for name in found["not_market_trades"])
    for moment in found["funding_settlements"]:
        yield "funding settled", f"at {to_text(moment['at_ms'] * MILLISECOND)}"
