"""How often drift is told where there is none, and how soon where there is: `python -m benchmarks.drift`."""

import argparse
from importlib import import_module
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.closes import Closes, everyday
from models.config import TrainConfig
from models.drift import GRID, bin_of, binned_ks, counts_of, psi
from models.trained import CANDIDATE_INPUTS, Everyday
from operators.desk.context import CONTEXT
from operators.features import CATALOGUE
from schemas.time import DAY, MINUTE, TIMEFRAME_NS, Timeframe

__all__ = ["false_days", "main", "world"]

_lfilter: Any = import_module("scipy.signal").lfilter
_Floats = NDArray[np.float32]
_TIMEFRAMES: Final = ("1m", "5m", "15m")
_TRAINING: Final = 90
_MONTH: Final = 30
_TIMES: Final = (1 / 200, 1 / 100, 1 / 50, 1 / 20, 1 / 5, 1.0, 5.0)
"""Autocorrelation times of what is shifted, in days."""
_MOST_DAYS: Final = 60


def world(
    random: np.random.Generator, times: NDArray[np.float64], days: int, timeframe: Timeframe, instruments: int
) -> list[_Floats]:
    """By input its values at the closes of ``days``, row by row for all instruments: stationary, of variance one.

    Half of the variance is that of the market, and so the same in all instruments.

    Parameters:
        times: in which autocorrelation falls to 1/e, by input, in days.
    """
    closes = days * DAY // max(TIMEFRAME_NS[timeframe], GRID)
    found = []
    for time in times:
        keep = np.exp(-days / closes / time)
        noise = random.normal(size=(instruments + 1, closes)) * np.sqrt(1 - keep * keep)
        noise[:, 0] /= np.sqrt(1 - keep * keep)
        values = _lfilter([1.0], [1.0, -keep], noise, axis=1)
        found.append(((values[1:] + values[0]) / np.sqrt(2)).T.astype(np.float32))
    return found


def trained_on(training: list[_Floats], timeframe: Timeframe, seed: int, timeframes: int) -> Everyday:
    """What a manifest holds of ``training``; one of ``timeframes`` that share the budget."""
    count, instruments = training[0].shape
    length = max(TIMEFRAME_NS[timeframe], GRID)
    ts = np.repeat(np.arange(1, count + 1) * length, instruments)
    names = [f"x{at}" for at in range(len(training))]
    x = np.column_stack([one.ravel() for one in training])
    frames = np.array([timeframe] * len(ts), object)
    # closes of the others, so that the budget is shared as it is at an engine
    others = np.array([f"other{at}" for at in range(timeframes - 1)], object)
    return everyday(
        Closes(
            np.array(["x"] * (len(ts) + len(others)), object), np.concatenate([frames, others]),
            np.concatenate([ts, np.full(len(others), length)]), names,
            np.concatenate([x, x[: len(others)]]),
        ),
        ["x"], names, int(ts[-1]), seed=seed,
    )[timeframe]  # fmt: skip


def beyond(about: Everyday, name: str, values: _Floats, days: int) -> NDArray[np.bool_]:
    """Of each day, whether a threshold of the input is exceeded."""
    histogram, limits = about.reference[name], about.drift.get(name)
    reference = counts_of(histogram)
    bins = bin_of(histogram, values.ravel()).reshape(days, -1)
    found = np.zeros(days, bool)
    for day, row in enumerate(bins):
        counts = np.bincount(row, minlength=len(reference)).tolist()
        if limits is not None:
            found[day] = psi(reference, counts) > limits["psi"] or binned_ks(reference, counts) > limits["ks"]
    return found


def false_days(seed: int, *, inputs: int, days: int, instruments: int) -> tuple[NDArray[np.bool_], dict[str, int]]:
    """Of each day of a market like that of training, whether there is an alert; how often, by the persistence of the
    input.
    """
    random = np.random.default_rng(seed)
    times = np.exp(random.uniform(np.log(1 / 288), np.log(10.0), inputs))
    told, by = np.zeros(days, bool), {"below 1/50 day": 0, "below 1 day": 0, "above": 0}
    for timeframe in _TIMEFRAMES:
        whole = world(random, times, _TRAINING + days, timeframe, instruments)
        cut = len(whole[0]) * _TRAINING // (_TRAINING + days)
        about = trained_on([one[:cut] for one in whole], timeframe, seed, len(_TIMEFRAMES))
        for at, (one, time) in enumerate(zip(whole, times, strict=True)):
            far = beyond(about, f"x{at}", one[cut:], days)
            told |= far
            by["below 1/50 day" if time < 1 / 50 else "below 1 day" if time < 1 else "above"] += int(far.sum())
    return told, by


def delays(seed: int, *, inputs: int, instruments: int, shift: float = 1.0) -> dict[float, list[int]]:
    """Days until a shift of 5m features by standard deviations is told, by autocorrelation time; -1: not in 60 days.

    Thresholds are those of an engine with ``inputs``: the others take their part of the budget.
    """
    random = np.random.default_rng(seed)
    others = inputs - len(_TIMES)
    times = np.array([*_TIMES, *np.full(others, 1 / 288)])
    training = world(random, times, _TRAINING, "5m", instruments)
    about = trained_on(training, "5m", seed, len(_TIMEFRAMES))
    found = {}
    for at, time in enumerate(_TIMES):
        (now,) = world(random, np.array([time]), _MOST_DAYS, "5m", instruments)
        far = np.flatnonzero(beyond(about, f"x{at}", now + np.float32(shift), _MOST_DAYS))
        found[time] = [int(far[0]) + 1 if len(far) else -1]
    return found


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drift", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1, help="the first")
    parser.add_argument("--inputs", type=int, default=_inputs(), help="of the model; default: as many as one has")
    parser.add_argument("--days", type=int, default=180, help="of the stationary market, after 90 of training")
    parser.add_argument("--instruments", type=int, default=5, help="of each model")
    parser.add_argument("--models", type=int, default=3, help="of an engine, each of a market of its own")
    told = parser.parse_args()
    seeds = range(told.seed, told.seed + told.seeds)
    _say(f"{told.inputs} inputs at each of {', '.join(_TIMEFRAMES)}, {told.instruments} instruments")
    rates: list[float] = []
    alone: list[float] = []
    for seed in seeds:
        whole = np.zeros(told.days, bool)
        for model in range(told.models):
            far, by = false_days(seed + 1_000 * model, inputs=told.inputs, days=told.days, instruments=told.instruments)
            alone.append(int(far.sum()) * _MONTH / told.days)
            whole |= far  # two on one day are one alert
            where = ", ".join(f"{what} {number}" for what, number in by.items())
            _say(f"seed {seed}: {alone[-1]:.2f} false alerts a month; inputs by autocorrelation time: {where}")
        rates.append(int(whole.sum()) * _MONTH / told.days)
        _say(f"seed {seed}: {rates[-1]:.2f} false alerts a month of {told.models} models together")
    _say(f"in the mean {np.mean(alone):.2f} false alerts a month of a model, {np.mean(rates):.2f} of all together")
    every: dict[float, list[int]] = {time: [] for time in _TIMES}
    for seed in seeds:
        for time, found in delays(seed, inputs=told.inputs, instruments=told.instruments).items():
            every[time] += found
    for time, found in every.items():
        words = ", ".join(f"on day {one}" if one > 0 else f"not in {_MOST_DAYS} days" for one in found)
        _say(f"1 sigma, 5m, autocorrelation time {time * DAY / MINUTE / 60:7.2f} h: told {words}")


def _inputs() -> int:
    """Of a model with the default configuration: what a candidate knows, but for what is as large as its instrument."""
    left_out = TrainConfig().without_units
    return sum(feature.unit not in left_out for feature in (*CATALOGUE, *CONTEXT)) + len(CANDIDATE_INPUTS)


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201, this is a command


if __name__ == "__main__":
    main()
