"""`candlewick features`."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from msgspec import json
from rich.console import Console
from rich.table import Column, Table

from flows.catalogue import catalogue_page
from flows.errors import FlowError
from flows.plots import plots
from operators.desk.context import CONTEXT, CONTEXT_HASH
from operators.features import CATALOGUE, SCHEMA_HASH

__all__ = ["features"]


def features(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
    as_page: Annotated[bool, typer.Option("--markdown", help="the page docs/features.md")] = False,
    to: Annotated[Path | None, typer.Option("--plots", metavar="DIR", help="the page's plots, a minute's work")] = None,
) -> None:
    """The feature catalogue: what a vector and its context hold, in which unit and of what, and what a loss taints."""
    if as_json + as_page + (to is not None) > 1:
        raise FlowError("features: --json, --markdown and --plots each ask for another output; give one of them")
    if as_json:
        catalogue = {
            "schema_hash": SCHEMA_HASH, "features": CATALOGUE, "context_hash": CONTEXT_HASH, "context": CONTEXT,
        }  # fmt: skip
        typer.echo(json.format(json.encode(catalogue)).decode())
        return
    if to is not None:
        try:
            to.mkdir(parents=True, exist_ok=True)
            for name, svg in plots().items():
                (to / f"{name}.svg").write_text(svg, encoding="utf-8")
        except OSError as error:
            raise FlowError(f"--plots {to}: {error.strerror}; name a directory that can be written") from error
        return
    if as_page:
        typer.echo(catalogue_page(), nl=False)
        return
    table = Table(
        *(Column(name, no_wrap=True) for name in ("feature", "unit", "ready", "memory")), "inputs", "summary",
        caption=f"{len(CATALOGUE)} features, schema {SCHEMA_HASH}, and {len(CONTEXT)} of the context, "
        f"schema {CONTEXT_HASH}; ready and memory in bars",
    )  # fmt: skip
    for feature in (*CATALOGUE, *CONTEXT):
        inputs = ", ".join(feature.inputs)
        table.add_row(feature.name, feature.unit, str(feature.ready), str(feature.memory), inputs, feature.summary)
    Console(width=None if sys.stdout.isatty() else 140).print(table)
