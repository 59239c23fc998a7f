"""`candlewick models`: what the registry holds, and which version serves."""

import difflib
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.engine import desk_config, registry
from flows.models import activate as let_serve
from flows.models import astray, changelog, effective_close, told_events
from flows.models import rollback as go_back
from flows.settings import load
from models.errors import ModelRefused
from models.manifest import GATES, encode
from models.registry import Catalogue, Registry
from operators.desk.serving import program
from schemas.market import Activation
from schemas.time import to_text

__all__ = ["models"]

models: Final = typer.Typer(no_args_is_help=True, help="The registry of models (models.dir), and which version serves.")
_Model = Annotated[str, typer.Argument(metavar="MODEL", help="As `candlewick models list` shows it")]
_Version = Annotated[str, typer.Argument(metavar="VERSION", help="or its beginning")]
_At = Annotated[str | None, typer.Option("--at", metavar="TIME", help="First close, ISO 8601; default: one to come")]
_To = Annotated[Path | None, typer.Option("--to", help="A file for `replay --activations` in place of the log")]


@models.command("list")
def show_all() -> None:
    """All versions, and whether each could serve."""
    settings = load()
    known, ours = registry(settings), program(desk_config(settings))
    table = Table("model", "version", "segment", "trained to", "outcomes", "gates", "state")
    for model in known.models():
        for version in known.versions(model):
            try:
                manifest = known.manifest(model, version)
            except ModelRefused as error:
                table.add_row(model, version, "", "", "", "", Text(str(error), "red"))
                continue
            failed, put_to = len(manifest.gates_failed), len({*GATES, *(gate.name for gate in manifest.gates)})
            gates = f"{failed} of {put_to} not passed" if failed else f"{put_to} passed"
            table.add_row(
                model, version, manifest.segment, to_text(manifest.train_end), f"{manifest.outcomes:,}",
                gates if manifest.gates else "never seen", _state(known, model, version, ours),
            )  # fmt: skip
    Console(width=None if typer.get_text_stream("stdout").isatty() else 160).print(table)


@models.command()
def show(model: _Model, version: _Version) -> None:
    """The manifest of a version."""
    known = registry(load())
    typer.echo(encode(known.manifest(model, _whole(known, model, version))).decode(), nl=False)


@models.command()
def diff(model: _Model, one: _Version, other: _Version) -> None:
    """What two manifests say differently."""
    known = registry(load())
    names = [_whole(known, model, version) for version in (one, other)]
    before, after = (encode(known.manifest(model, name)).decode().splitlines() for name in names)
    for line in difflib.unified_diff(before, after, names[0], names[1], n=1, lineterm=""):
        typer.echo(line)


@models.command("changelog")
def show_changelog(
    *,
    directory: Annotated[
        Path | None, typer.Option("--from", metavar="DIRECTORY", help="Of a replay; default: the topic models.events")
    ] = None,
) -> None:
    """What happened to models, when and why, with their figures out of sample: a page in Markdown."""
    typer.echo(changelog(told_events(load(), directory)), nl=False)


@models.command()
def activate(
    model: _Model,
    version: _Version,
    *,
    at: _At = None,
    to: _To = None,
    despite_gates: Annotated[bool, typer.Option("--despite-gates", help="Though it did not pass them")] = False,
    shadow: Annotated[bool, typer.Option("--shadow", help="Only ask it, beside what serves")] = False,
) -> None:
    """Let a version serve, once its hashes, schema, golden vectors and gates are in order."""
    settings = load()
    name = _whole(registry(settings), model, version)
    close = effective_close(at)
    if to is None and (told := astray(settings)):
        raise ModelRefused(told)
    _tell(let_serve(settings, model, name, close, to, despite_gates=despite_gates, shadow=shadow))


@models.command()
def rollback(model: _Model, *, at: _At = None, to: _To = None) -> None:
    """Take back what is to come; if nothing is, let the version before serve again, or the rules alone."""
    for record in go_back(load(), model, effective_close(at), to):
        _tell(record)


def _whole(known: Registry, model: str, beginning: str) -> str:
    found = [version for version in known.versions(model) if version.startswith(beginning)]
    if len(found) != 1:
        several = f"{beginning} may be {', '.join(found)}" if found else f"no version begins with {beginning}"
        raise ModelRefused(f"model {model}: {several}; see `candlewick models list`")
    return found[0]


def _state(known: Registry, model: str, version: str, ours: Catalogue) -> Text:
    try:
        known.load(model, version, ours)
    except ModelRefused as error:
        return Text(str(error), "red")
    return Text("could serve")


def _tell(record: Activation) -> None:
    verb = "is asked in the shadow" if record.shadow else "serves"
    what = f"{record.model} {record.version} {verb}" if record.version else f"no version of {record.model} serves"
    typer.echo(f"{what} from the close {to_text(record.effective_close)} on")
