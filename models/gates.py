"""What a walk says, in figures, and whether a model may serve by them."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import ceil, inf, isfinite, isnan, nan

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from models import metrics
from models.evaluation import Walk
from models.manifest import Gate
from models.metrics import Interval
from models.splits import Rows
from models.trained import LEAST_OUTCOMES, Window
from schemas.time import DAY

__all__ = [
    "ALPHA", "Verdict", "by_window", "earned_by_day", "figures", "gates", "stability",
    "stretches",
]  # fmt: skip

ALPHA = 0.005
"""Of the test that decides, net return above 0: false promotion stays below 1 % though the better of two is tested."""
_ALPHA_OF_LOSS = 0.05
_LEAST_CHOSEN = 100
_TOO_GOOD = 0.75
"""Area under the ROC curve beyond which something is wrong sooner than right."""
_OVERFIT = 2.0
_DEFLATED = 0.95
_STRETCHES = 10
_OF_ALL = frozenset({"ir", "deflated_sharpe", "importance_stability"})


class Verdict(Struct, frozen=True, kw_only=True):
    """All figures of a walk, out of sample unless they say otherwise."""

    figures: dict[str, float]
    intervals: dict[str, Interval]
    alarms: list[str]
    """What does not forbid, but has to be looked at."""


def figures(walk: Walk, seed: int = 0, trials: Sequence[float] = (), draws: int = 500) -> Verdict:
    """Of all windows together; ``trials`` are the Sharpe ratios of what was tried on these data before."""
    sample = walk.sample
    win, net = sample.win, sample.net
    block = metrics.blocks(sample.decided, sample.longest)
    gain = metrics.log_losses(walk.base, win) - metrics.log_losses(walk.p, win)
    chosen = walk.chosen
    earned = np.where(chosen, net, 0.0)
    days = earned_by_day(walk)
    coefficients = np.array([_coefficient(walk, at) for at in range(len(walk.folds))])
    inside = float(np.mean(walk.inside[~np.isnan(walk.inside)])) if not np.isnan(walk.inside).all() else nan
    outside = metrics.auc(walk.p, win)
    own = metrics.sharpe(days)
    found = {
        "rows": float(len(sample)),
        "base_rate": float(win.mean()),
        "log_loss": float(metrics.log_losses(walk.p, win).mean()),
        "log_loss_of_base_rate": float(metrics.log_losses(walk.base, win).mean()),
        "log_loss_p": metrics.block_p(gain, block),
        "brier": metrics.brier(walk.p, win),
        "brier_of_base_rate": metrics.brier(walk.base, win),
        "auc": outside,
        "auc_in_sample": inside,
        "in_over_out": _in_over_out(inside - 0.5, outside - 0.5),
        "ic": metrics.information_coefficient(walk.p, net),
        "ir": _over(coefficients),
        "chosen": float(chosen.sum()),
        "turnover_per_day": float(chosen.sum()) / len(days),
        "hit_rate": metrics.hit_rate(net[chosen]),
        "expectancy": float(net[chosen].mean()) if chosen.any() else nan,
        "expectancy_p": metrics.block_p(earned, block) if chosen.any() else 1.0,
        "expectancy_of_all": float(net.mean()),
        "profit_factor": metrics.profit_factor(net[chosen]),
        "profit_factor_of_all": metrics.profit_factor(net),
        "sharpe": own,
        "sortino": metrics.sortino(days),
        "calmar": metrics.calmar(days),
        "drawdown": metrics.drawdown(days),
        "deflated_sharpe": metrics.deflated_sharpe(days, [*trials, own]),
        "importance_stability": stability(walk.importance),
    }
    squares = (walk.base - win) ** 2 - (walk.p - win) ** 2

    def of_chosen(statistic: Callable[[metrics.Floats], float]) -> Callable[[Rows], float]:
        return lambda at: statistic(net[at][chosen[at]]) if chosen[at].any() else nan

    statistics: dict[str, Callable[[Rows], float]] = {
        "log_loss_gain": lambda at: float(gain[at].mean()),
        "brier_gain": lambda at: float(squares[at].mean()),
        "auc": lambda at: metrics.auc(walk.p[at], win[at]),
        "ic": lambda at: metrics.information_coefficient(walk.p[at], net[at]),
        "hit_rate": of_chosen(metrics.hit_rate),
        "expectancy": of_chosen(lambda returns: float(returns.mean())),
        "profit_factor": of_chosen(metrics.profit_factor),
    }
    intervals = {name: metrics.block_interval(each, block, seed, draws) for name, each in statistics.items()}
    intervals |= _of_days(days, sample.longest, seed, draws)
    alarms = list(walk.leaks)
    if found["in_over_out"] > _OVERFIT:
        times = f"{found['in_over_out']:.1f} times that" if outside > 0.5 else "there, and none"
        alarms.append(f"overfit: the edge in sample is {times} out of sample")
    if outside > _TOO_GOOD:
        alarms.append(f"too good: an area of {outside:.3f} under the ROC curve; look for what knows the future")
    return Verdict(figures=found, intervals=intervals, alarms=alarms)


def _of_days(days: metrics.Floats, longest: int, seed: int, draws: int) -> dict[str, Interval]:
    """Intervals of what daily returns say, drawn in stretches of whole days no shorter than ``longest`` (ns)."""
    block = np.arange(len(days), dtype=np.int64) // max(1, ceil(longest / DAY))
    of_days: dict[str, Callable[[metrics.Floats], float]] = {
        "sharpe": metrics.sharpe, "sortino": metrics.sortino, "calmar": metrics.calmar, "drawdown": metrics.drawdown,
    }  # fmt: skip

    def redrawn(statistic: Callable[[metrics.Floats], float]) -> Callable[[Rows], float]:
        return lambda at: statistic(days[at])

    return {name: metrics.block_interval(redrawn(each), block, seed, draws) for name, each in of_days.items()}


def gates(walk: Walk, verdict: Verdict, least_outcomes: int) -> list[Gate]:
    """Every condition of promotion; all of them have to be passed, and fewer outcomes than `LEAST_OUTCOMES` are too few
    whatever is asked for.
    """
    told, least = verdict.figures, max(least_outcomes, LEAST_OUTCOMES)
    return [
        Gate(name="outcomes", passed=told["rows"] >= least, detail=f"{told['rows']:.0f} of {least}"),
        Gate(name="no leak", passed=not walk.leaks, detail="; ".join(walk.leaks)),
        Gate(name="not too good", passed=not told["auc"] > _TOO_GOOD, detail=f"AUC {told['auc']:.3f}"),
        Gate(
            name="better than the base rate", passed=told["log_loss_p"] <= _ALPHA_OF_LOSS,
            detail=f"log loss {told['log_loss']:.4f} against {told['log_loss_of_base_rate']:.4f}, "
            f"p {told['log_loss_p']:.4f}, at most {_ALPHA_OF_LOSS}",
        ),
        Gate(
            name="earns after costs",
            passed=told["chosen"] >= _LEAST_CHOSEN and told["expectancy_p"] <= ALPHA,
            detail=f"{told['chosen']:.0f} chosen, {10_000 * told['expectancy']:+.1f} bps a trade, "
            f"p {told['expectancy_p']:.4f}, at most {ALPHA}; at least {_LEAST_CHOSEN} are needed"
            if told["chosen"]
            else "none chosen",
        ),
        Gate(
            name="not by trying", passed=told["deflated_sharpe"] >= _DEFLATED,
            detail=f"deflated Sharpe ratio {told['deflated_sharpe']:.3f}, at least {_DEFLATED}"
            if told["chosen"]
            else "none chosen",
        ),
    ]  # fmt: skip


def _in_over_out(inside: float, outside: float) -> float:
    """Of the areas above one half; infinite where all of the edge is in sample."""
    if outside > 0:
        return inside / outside
    return inf if inside > 0 else nan


def by_window(walk: Walk, seed: int = 0, draws: int = 200) -> list[Window]:
    """The figures of each window with their intervals, but those that compare windows or trials."""
    found = []
    for at, fold in enumerate(walk.folds):
        own = walk.window == at
        alone = replace(
            walk, sample=walk.sample.take(own), p=walk.p[own], base=walk.base[own], bar=walk.bar[own],
            window=np.zeros(int(own.sum()), np.intp), folds=[fold], inside=walk.inside[at : at + 1],
            importance=walk.importance[at : at + 1], leaks=[],
        )  # fmt: skip
        verdict = figures(alone, seed, draws=draws)
        told = {name: value for name, value in verdict.figures.items() if name not in _OF_ALL and isfinite(value)}
        between = {name: (one.low, one.high) for name, one in verdict.intervals.items() if isfinite(one.low)}
        found.append(
            Window(ts_start=fold.ts_start, ts_end=fold.ts_end, trained=len(fold.train), figures=told, intervals=between)
        )
    return found


def stretches(walk: Walk) -> list[float]:
    """Net return of what was chosen in each of ten equal stretches of the tests, for `overfitting_probability`."""
    start, end = _span(walk)
    at = np.clip((walk.sample.decided - start) * _STRETCHES // max(end - start, 1), 0, _STRETCHES - 1)
    sums = np.bincount(at, weights=np.where(walk.chosen, walk.sample.net, 0.0), minlength=_STRETCHES)
    return [float(value) for value in sums]


def earned_by_day(walk: Walk) -> metrics.Floats:
    """Net returns of what was chosen, by the day on which they were known."""
    return metrics.daily(walk.sample.ends, np.where(walk.chosen, walk.sample.net, 0.0), *_span(walk))


def stability(importance: Sequence[dict[str, float]]) -> float:
    """Mean rank correlation of the importances of one window and the next."""
    names = sorted({name for one in importance for name in one})
    table = np.array([[one.get(name, 0.0) for name in names] for one in importance])
    found = [metrics.information_coefficient(a, b) for a, b in pairwise(table)]
    known = [value for value in found if not isnan(value)]
    return float(np.mean(known)) if known else nan


def _span(walk: Walk) -> tuple[int, int]:
    return walk.folds[0].ts_start, max(walk.folds[-1].ts_end, int(walk.sample.ends.max()) + 1)


def _coefficient(walk: Walk, at: int) -> float:
    own = walk.window == at
    return metrics.information_coefficient(walk.p[own], walk.sample.net[own])


def _over(values: metrics.Floats) -> float:
    known = values[np.isfinite(values)]
    spread = known.std(ddof=1) if len(known) > 1 else 0.0
    return float(known.mean() / spread) if spread > 0 else nan
