"""The HTML report of an evaluation: one file, plots as SVG, no script."""

from collections.abc import Sequence
from html import escape
from math import isfinite, nan
from pathlib import Path
from typing import Final

import numpy as np

from flows.charts import bars, figure, lines
from flows.errors import FlowError
from flows.training import Evaluation, looked_at
from models.gates import by_window, earned_by_day
from models.metrics import reliability
from models.trained import Window
from models.training import Attempt
from schemas.time import to_text

__all__ = ["write_report"]

_STYLE: Final = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#0f172a}"
    "table{border-collapse:collapse;font-size:13px}td,th{padding:.15rem .6rem;text-align:right}"
    "td:first-child,th:first-child{text-align:left}tr:nth-child(even){background:#f1f5f9}"
    "figure{display:inline-block;margin:.5rem 1rem .5rem 0}figcaption{font-size:13px;color:#475569}"
    ".bad{color:#b91c1c}.good{color:#15803d}"
)
_WINDOW: Final = (
    "rows", "base_rate", "log_loss", "log_loss_of_base_rate", "brier", "brier_of_base_rate", "auc", "auc_in_sample",
    "in_over_out", "ic", "chosen", "turnover_per_day", "hit_rate", "expectancy", "expectancy_p", "profit_factor",
    "sharpe", "sortino", "calmar", "drawdown",
)  # fmt: skip
_MOST: Final = 20
"""Inputs in the plot of importance."""


def write_report(path: Path, dataset: Path, evaluations: Sequence[Evaluation], left: Sequence[str]) -> None:
    """Write the report of ``evaluations`` to ``path``.

    Raises:
        FlowError: it cannot be written.
    """
    parts = [f"<h1>Evaluation of {escape(dataset.name)}</h1>"]
    parts += [f"<p>Left out: {escape(line)}</p>" for line in left]
    parts += [_segment(evaluation) for evaluation in evaluations]
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Evaluation</title>'
        f"<style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, "utf-8")
    except OSError as error:
        raise FlowError(f"report {path}: {error.strerror}") from error


def _segment(evaluation: Evaluation) -> str:
    told = evaluation.candidate
    head = (
        f"<h2>{escape(told.segment)}</h2><p>{len(told.sample):,} outcomes of {escape(', '.join(told.instruments))}; "
        f"{looked_at(evaluation)}.</p>"
    )
    return head + "".join(map(_attempt, evaluation.attempts))


def _attempt(attempt: Attempt) -> str:
    walk, verdict = attempt.walk, attempt.verdict
    alarms = "".join(f'<p class="bad">Alarm: {escape(alarm)}</p>' for alarm in verdict.alarms)
    gates = "".join(
        f'<tr><td>{escape(gate.name)}</td><td class="{"good" if gate.passed else "bad"}">'
        f"{'passed' if gate.passed else 'not passed'}</td><td>{escape(gate.detail)}</td></tr>"
        for gate in attempt.gates
    )
    bins = reliability(walk.p, walk.sample.win)
    low, high = min(part.mean for part in bins), max(part.mean for part in bins)
    worth = np.cumsum(earned_by_day(walk))
    mean = {name: float(np.mean([window.get(name, 0.0) for window in walk.importance])) for name in walk.sample.inputs}
    first = sorted(mean.items(), key=lambda item: -item[1])[:_MOST]
    plots = (
        figure(
            lines({"seen": [(part.mean, part.share) for part in bins], "as said": [(low, low), (high, high)]}),
            "Reliability: said and seen share of wins",
        ),
        figure(
            lines({"chosen": list(enumerate(worth.tolist()))}),
            "Net return of what was chosen, summed over the days of the tests",
        ),
        figure(bars(first), "Importance, mean of the windows"),
    )
    return (
        f"<h3>{escape(attempt.learner)}</h3>{alarms}<table>{gates}</table>{''.join(plots)}"
        f"{_figures(attempt)}{_windows(attempt)}"
    )


def _figures(attempt: Attempt) -> str:
    between = attempt.verdict.intervals
    rows = "".join(
        f"<tr><td>{escape(name.replace('_', ' '))}</td><td>{_number(value)}</td><td>"
        + (f"{_number(between[name].low)} .. {_number(between[name].high)}" if name in between else "")
        + "</td></tr>"
        for name, value in attempt.verdict.figures.items()
    )
    return f"<h4>All windows</h4><table><tr><th></th><th></th><th>95 %</th></tr>{rows}</table>"


def _windows(attempt: Attempt) -> str:
    """A column a window, as there are many figures."""
    windows = by_window(attempt.walk)
    head = "".join(f"<th>{to_text(window.ts_start)[:10]}</th>" for window in windows)
    trained = "".join(f"<td>{window.trained:,}</td>" for window in windows)
    rows = "".join(
        f"<tr><td>{name.replace('_', ' ')}</td>" + "".join(f"<td>{_between(window, name)}</td>" for window in windows)
        + "</tr>"
        for name in _WINDOW
    )  # fmt: skip
    return (
        f"<h4>By window, with 95 % of the redrawn</h4><table><tr><th>from</th>{head}</tr>"
        f"<tr><td>trained on</td>{trained}</tr>{rows}</table>"
    )


def _between(window: Window, name: str) -> str:
    value = _number(window.figures.get(name, nan))
    if name not in window.intervals:
        return value
    low, high = window.intervals[name]
    return f"{value} <small>{_number(low)} .. {_number(high)}</small>"


def _number(value: float) -> str:
    if not isfinite(value):
        return ""
    return f"{value:,.0f}" if value == int(value) and abs(value) >= 1 else f"{value:.4g}"
