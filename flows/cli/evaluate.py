"""`candlewick evaluate`."""

from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from flows.training import Evaluation
    from models.config import TrainConfig
    from models.training import Candidate

__all__ = ["CONFIG", "LEDGER", "evaluate", "shown"]

CONFIG: Final = typer.Option("--config", help="TOML or JSON: segments, windows, learners (docs/models.md)")
LEDGER: Final = typer.Option("--ledger", help="Append-only file of all trials")
_ROWS: Final = (
    ("rows", "rows", ",.0f"),
    ("share of wins", "base_rate", ".3f"),
    ("log loss", "log_loss", ".4f"),
    ("  of the base rate", "log_loss_of_base_rate", ".4f"),
    ("  p of no gain", "log_loss_p", ".4f"),
    ("Brier", "brier", ".4f"),
    ("  of the base rate", "brier_of_base_rate", ".4f"),
    ("AUC", "auc", ".3f"),
    ("  in sample", "auc_in_sample", ".3f"),
    ("IC", "ic", "+.3f"),
    ("IR of the windows", "ir", "+.2f"),
    ("chosen", "chosen", ",.0f"),
    ("  a day", "turnover_per_day", ".2f"),
    ("hit rate", "hit_rate", ".3f"),
    ("profit factor, net", "profit_factor", ".2f"),
    ("  of all candidates", "profit_factor_of_all", ".2f"),
    ("net return a trade", "expectancy", "+.5f"),
    ("  of all candidates", "expectancy_of_all", "+.5f"),
    ("  p of none", "expectancy_p", ".4f"),
    ("Sharpe", "sharpe", "+.2f"),
    ("Sortino", "sortino", "+.2f"),
    ("Calmar", "calmar", "+.2f"),
    ("drawdown", "drawdown", ".3f"),
    ("deflated Sharpe", "deflated_sharpe", ".3f"),
    ("in over out of sample", "in_over_out", ".1f"),
    ("stability of importance", "importance_stability", "+.2f"),
)
_BETWEEN: Final = (
    "auc", "ic", "hit_rate", "expectancy", "profit_factor", "sharpe", "sortino", "calmar", "drawdown",
)  # fmt: skip


def evaluate(
    dataset: Annotated[Path, typer.Argument(help="What `candlewick dataset` wrote")],
    *,
    config: Annotated[Path | None, CONFIG] = None,
    test_from: Annotated[
        str | None, typer.Option("--test-from", metavar="TIME", help="One test from then on, in place of windows")
    ] = None,
    ledger: Annotated[Path, LEDGER] = Path(".candlewick/ledger.jsonl"),
    combinatorial: Annotated[
        bool, typer.Option("--combinatorial", help="Cross-validate over every choice of stretches of time as well")
    ] = False,
    html: Annotated[Path | None, typer.Option("--html", help="A report with plots, as one file")] = None,
) -> None:
    """Hold both learners against what came after, and print how they did."""
    from flows.ledger import Ledger
    from flows.moments import moment
    from flows.report import write_report
    from flows.training import evaluate as run
    from flows.training import look_across, train_config

    since = None if test_from is None else moment("--test-from", test_from)
    told = train_config(config)
    found, left = run(dataset, told, Ledger(ledger), "evaluate", since)
    for evaluation in found:
        shown(evaluation)
        if combinatorial:
            look_across(evaluation, Ledger(ledger))
            _show_crossed(evaluation.candidate, told)
    for line in left:
        typer.echo(f"left out: {line}")
    if html is not None:
        write_report(html, dataset, found, left)
        typer.echo(f"report: {html}")


def shown(evaluation: "Evaluation") -> None:
    """Print a segment."""
    from rich.console import Console
    from rich.table import Table

    from flows.training import looked_at
    from models.metrics import reliability
    from schemas.time import to_text

    folds = evaluation.attempts[0].walk.folds
    span = f"{to_text(folds[0].ts_start)[:16]} to {to_text(folds[-1].ts_end)[:16]}"
    table = Table(
        title=f"{evaluation.candidate.segment}: {len(folds)} {'tests' if len(folds) > 1 else 'test'}, {span}", box=None
    )
    table.add_column("out of sample")
    for attempt in evaluation.attempts:
        table.add_column(attempt.learner, justify="right")
    for words, name, form in _ROWS:
        cells = [_cell(attempt.verdict.figures[name], form) for attempt in evaluation.attempts]
        table.add_row(words, *cells)
        if name in _BETWEEN:
            table.add_row("  95 %", *(
                f"{_cell(between.low, form)} .. {_cell(between.high, form)}" if isfinite(between.low) else ""
                for between in (attempt.verdict.intervals[name] for attempt in evaluation.attempts)
            ))  # fmt: skip
    console = Console()
    console.width = max(console.width, 80)
    console.print(table)
    for attempt in evaluation.attempts:
        bins = reliability(attempt.walk.p, attempt.walk.sample.win)
        said = "  ".join(f"{part.mean:.2f}:{part.share:.2f}" for part in bins)
        typer.echo(f"said:seen share of wins, {attempt.learner}: {said}")
    for attempt in evaluation.attempts:
        for alarm in attempt.verdict.alarms:
            typer.echo(f"alarm, {attempt.learner}: {alarm}")
        for gate in attempt.gates:
            if not gate.passed:
                typer.echo(f"gate not passed, {attempt.learner}: {gate.name} ({gate.detail})")
    empty = evaluation.candidate.never_known
    if empty:
        typer.echo(f"not known in any row, left out: {', '.join(empty)}")
    typer.echo(looked_at(evaluation))


def _cell(value: float, form: str) -> str:
    return format(value, form) if isfinite(value) else ""


def _show_crossed(candidate: "Candidate", config: "TrainConfig") -> None:
    from models.evaluation import LEARNERS, crossed

    for name, learner in LEARNERS.items():
        found = crossed(candidate.sample, learner, config)
        values = (
            f"{what} {sorted(each)[len(each) // 2]:{form}} ({min(each):{form}} .. {max(each):{form}})"
            for what, each, form in (
                ("AUC", found.auc, ".3f"), ("gain of log loss", found.gain, "+.4f"),
                ("net return a candidate", found.expectancy, "+.6f"),
            )
        )  # fmt: skip
        typer.echo(f"{len(found.auc)} choices of test, {name}: median (least .. most) {', '.join(values)}")
