"""`candlewick train`."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.evaluate import CONFIG, LEDGER, shown
from flows.settings import ModelsSettings, load

__all__ = ["train"]


def train(
    dataset: Annotated[Path, typer.Argument(help="What `candlewick dataset` wrote")],
    *,
    registry: Annotated[str | None, typer.Option("--registry", metavar="PLACE", help="Default: models.dir")] = None,
    config: Annotated[Path | None, CONFIG] = None,
    ledger: Annotated[Path, LEDGER] = Path(".candlewick/ledger.jsonl"),
) -> None:
    """Train a model a segment, walked forward and held against the gates, into the registry."""
    from flows.ledger import Ledger
    from flows.training import add_models, evaluate, log_runs, train_config
    from models.registry import Registry

    given = None if registry is None else ModelsSettings.model_validate({"dir": registry})
    told, settings = train_config(config), load()
    known = Registry((given or settings.models).dir)
    found, left = evaluate(dataset, told, Ledger(ledger), "train")
    for evaluation in found:
        shown(evaluation)
    added = add_models(dataset, found, told, known)
    for one in added:
        failed = [gate.name for gate in one.attempt.gates if not gate.passed]
        verdict = f"must not serve: {', '.join(failed)}" if failed else "passed every gate"
        typer.echo(f"{one.model} {one.version} ({one.attempt.learner}): {verdict}")
    runs = log_runs(settings, added, told)
    if runs:
        typer.echo(f"MLflow: {runs} runs in {settings.mlflow.experiment}")
    for line in left:
        typer.echo(f"left out: {line}")
