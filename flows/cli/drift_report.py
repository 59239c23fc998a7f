"""`candlewick drift-report`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from flows.moments import span

__all__ = ["drift_report"]

_TIME = "ISO 8601 UTC"


def drift_report(
    reference: Annotated[Path, typer.Argument(metavar="TRAINING", help="What `candlewick dataset` wrote")],
    current: Annotated[Path, typer.Argument(metavar="NOW", help="Another such directory, or the same")],
    *,
    out: Annotated[Path, typer.Option("--out", help="Directory for report.html, report.json and measures.json")],
    since: Annotated[str | None, typer.Option(metavar="TIME", help=f"Of NOW, decided from then on; {_TIME}")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help=f"Of NOW, decided before then; {_TIME}")] = None,
    show: Annotated[int, typer.Option(min=1, help="Inputs in the table, those that moved furthest")] = 20,
) -> None:
    """Hold a window of candidates against training: Evidently's report, and our own measures beside its figures."""
    from flows.drift_report import drift_report as compare
    from models.dataset import load

    now = load(current)
    begin, end = span(since, until)
    decided = now["ts_decided"]
    now = now.take((decided >= begin) & (decided < end))
    found = compare(load(reference), now, out)
    table = Table("input", "PSI", "KS", "Evidently's PSI", caption=f"{len(found)} inputs; {out}/report.html")
    for one in found[:show]:
        table.add_row(one.feature, f"{one.psi:.4f}", f"{one.ks:.4f}", f"{one.evidently_psi:.4f}")
    Console(width=None if typer.get_text_stream("stdout").isatty() else 100).print(table)
    typer.echo(
        "PSI: bins of equal frequency in training, what is not known among them, less the mean that chance gives. "
        "Evidently chooses bins over both samples, leaves out what is not known, and keeps what chance adds."
    )
