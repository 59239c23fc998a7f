"""`candlewick features`."""

import sys
from typing import Annotated

import typer
from msgspec import json
from rich.console import Console
from rich.table import Table

from operators.features import CATALOGUE, SCHEMA_HASH

__all__ = ["features"]


def features(*, as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False) -> None:
    """The feature catalogue: what a vector holds, in which unit, from which input, and how long a loss taints it."""
    if as_json:
        catalogue = {"schema_hash": SCHEMA_HASH, "features": CATALOGUE}
        typer.echo(json.format(json.encode(catalogue)).decode())
        return
    table = Table("feature", "unit", "inputs", "memory", "summary", caption=f"schema {SCHEMA_HASH}; memory in bars")
    for feature in CATALOGUE:
        table.add_row(feature.name, feature.unit, ", ".join(feature.inputs), str(feature.memory), feature.summary)
    Console(width=None if sys.stdout.isatty() else 120).print(table)
