"""`candlewick state`: the engine's recovery state."""

import sys
from pathlib import Path
from typing import Annotated, Final

import typer
from msgspec import json
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.settings import load
from flows.state.backup import back_up
from flows.state.check import check as faults
from flows.state.contents import Contents, contents

__all__ = ["state"]

_LISTED: Final = 3
"""Places a line; a sink has one a topic."""

state: Final = typer.Typer(no_args_is_help=True, help="The engine's recovery state, also while the engine runs.")


@state.command()
def show(*, as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False) -> None:
    """Say what is in engine.recovery_dir: whose state it is, and each key's kind, version, size and place."""
    found = contents(load().engine.recovery_dir)
    if as_json:
        typer.echo(json.format(json.encode(found)).decode())
        return
    for line in _head(found):
        typer.echo(line)
    table = Table("step", "key", "kind", "version", "epoch", "bytes", "goes on at")
    for key in found.keys:
        more = f" and {len(key.places) - _LISTED} more" if len(key.places) > _LISTED else ""
        where = Text(key.fault, "red") if key.fault else Text(", ".join(key.places[:_LISTED]) + more)
        version = "" if key.version is None else str(key.version)
        table.add_row(key.step, Text(key.key), key.kind, version, str(key.epoch), f"{key.size:,}", where)
    Console(width=None if sys.stdout.isatty() else 160).print(table)


@state.command()
def check() -> None:
    """Say whether an engine could go on with it: integrity, versions, offsets; exit status 1 with a line a fault."""
    settings = load()
    found = list(faults(settings))
    for line in found or [f"{settings.engine.recovery_dir}: an engine can go on with it"]:
        typer.echo(line)
    if found:
        raise typer.Exit(1)


@state.command()
def backup(into: Annotated[Path, typer.Argument(help="a directory that is not there yet")]) -> None:
    """Copy it; what is copied is as if the engine had been stopped at that moment."""
    directory = load().engine.recovery_dir
    typer.echo(f"{into}: {directory} up to epoch {back_up(directory, into)}")


def _head(found: Contents) -> list[str]:
    size, manifest = sum(key.size for key in found.keys), found.manifest
    lines = [f"{found.directory}: {len(found.keys)} states, {size:,} bytes, resumes in epoch {found.resume_epoch}"]
    if manifest is not None:
        log = manifest.log
        topic = f"{log.topic} (id {log.topic_id}, {log.partitions} partitions) in cluster {log.cluster}"
        begun = ", ".join(f"{at}@{offset}" for at, offset in sorted(manifest.starts.items())) or "unknown"
        lines.append(f"flow {manifest.flow} on {topic}, made by Candlewick {manifest.program}, begun at {begun}")
        if manifest.bridge is not None:
            ends = ", ".join(f"{at}@{end}" for at, end in sorted(manifest.bridge.ends.items()))
            how = "made anew" if manifest.bridge.past else "gone on with by another program or under other settings"
            lines.append(f"{how}: results of before {ends} are not compared with what is written")
    return lines
