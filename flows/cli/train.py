"""`candlewick train`."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.evaluate import CONFIG, LEDGER, shown
from flows.settings import load

__all__ = ["train"]


def train(
    dataset: Annotated[Path, typer.Argument(help="What `candlewick dataset` wrote")],
    *,
    registry: Annotated[Path | None, typer.Option("--registry", help="Its directory; default: models.dir")] = None,
    config: Annotated[Path | None, CONFIG] = None,
    ledger: Annotated[Path, LEDGER] = Path(".candlewick/ledger.jsonl"),
) -> None:
    """Train a model a segment, walked forward and held against the gates, into the registry."""
    from flows.ledger import Ledger  # noqa: PLC0415, only who learns needs what it stands on
    from flows.training import add_models, evaluate, train_config  # noqa: PLC0415
    from models.registry import Registry  # noqa: PLC0415

    told = train_config(config)
    found, left = evaluate(dataset, told, Ledger(ledger), "train")
    for evaluation in found:
        shown(evaluation)
    for added in add_models(dataset, found, told, Registry(registry or load().models.dir)):
        failed = [gate.name for gate in added.attempt.gates if not gate.passed]
        verdict = f"must not serve: {', '.join(failed)}" if failed else "passed every gate"
        typer.echo(f"{added.model} {added.version} ({added.attempt.learner}): {verdict}")
    for line in left:
        typer.echo(f"left out: {line}")
