"""`candlewick schema`."""

from pathlib import Path
from typing import Annotated

import typer

from flows.documents import write_documents
from flows.settings import load

__all__ = ["schema"]


def schema(*, out: Annotated[Path, typer.Option("--out", help="Directory for the documents; made if missing")]) -> None:
    """Write a JSON Schema a topic, and AsyncAPI for all of them."""
    for path in write_documents(out, load().kafka.partitions):
        typer.echo(f"wrote {path}")
