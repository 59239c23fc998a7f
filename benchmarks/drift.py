"""How often drift is told where there is none, and how soon where there is: `python -m benchmarks.drift`."""

import argparse
from collections import Counter
from collections.abc import Sequence
from importlib import import_module
from statistics import NormalDist
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.barriers import Label
from models.closes import Closes, everyday
from models.config import TrainConfig
from models.drift import CANDIDATES, GRID, MONTH, PART, WINDOW, histogram, thresholds
from models.manifest import Manifest
from models.outcomes import limits_of
from models.registry import Model
from models.trained import CANDIDATE_INPUTS, Calibration, Everyday, Golden
from operators.desk.context import CONTEXT
from operators.desk.drift import DriftWatch, Place
from operators.features import CATALOGUE
from schemas.cards import CurveBin
from schemas.results import Drift
from schemas.time import DAY, HOUR, TIMEFRAME_NS, Timeframe

__all__ = ["World", "delays", "false_alerts", "false_alerts_of_outcomes", "main"]

_lfilter: Any = import_module("scipy.signal").lfilter
_Floats = NDArray[np.float32]
_TIMEFRAMES: Final[tuple[Timeframe, ...]] = ("1m", "5m", "15m")
_TRAINING: Final = 90
_TIMES: Final = (1 / 200, 1 / 100, 1 / 75, 1 / 50, 1 / 20, 1 / 5, 1.0)
"""Autocorrelation times of what is shifted, in days."""
_MOST_DAYS: Final = 60
_CHUNK: Final = 15
"""Days that are made at once."""


class World:
    """By input its values at closes: stationary, of variance one, half of it the market's and so all instruments'.

    Parameters:
        times: in which autocorrelation falls to 1/e, by input, in days.
    """

    def __init__(
        self, random: np.random.Generator, times: Sequence[float], timeframe: Timeframe, instruments: int
    ) -> None:
        self.daily = DAY // max(TIMEFRAME_NS[timeframe], GRID)
        self._random, self._instruments = random, instruments
        self._keep = np.exp(-1 / self.daily / np.array(times))
        self._last = random.normal(size=(len(times), instruments + 1, 1))

    def next(self, closes: int) -> _Floats:
        """Of the next closes; rows by time and instrument, columns by input."""
        found = np.empty((closes, self._instruments, len(self._keep)), np.float32)
        for at, keep in enumerate(self._keep):
            noise = self._random.normal(size=(self._instruments + 1, closes)) * np.sqrt(1 - keep * keep)
            values, _ = _lfilter([1.0], [1.0, -keep], noise, axis=1, zi=keep * self._last[at])
            self._last[at] = values[:, -1:]
            found[:, :, at] = ((values[1:] + values[0]) / np.sqrt(2)).T
        return found.reshape(-1, len(self._keep))


def trained_on(x: _Floats, timeframe: Timeframe, instruments: int, seed: int) -> Everyday:
    """What a manifest holds of ``x``, the rows of its training."""
    length = max(TIMEFRAME_NS[timeframe], GRID)
    ts = np.repeat(np.arange(1, len(x) // instruments + 1) * length, instruments)
    # closes of the others, so that the budget is shared as it is at an engine
    frames = np.array([timeframe] * len(ts) + [one for one in _TIMEFRAMES if one != timeframe], object)
    others = len(frames) - len(ts)
    closes = Closes(
        np.array(["x"] * len(frames), object), frames, np.concatenate([ts, np.full(others, length)]),
        _names(x.shape[1]), np.concatenate([x, x[:others]]),
    )  # fmt: skip
    return everyday(closes, ["x"], _names(x.shape[1]), int(ts[-1]), seed=seed)[timeframe]


class Simulated:
    """A model, what it was trained on, and what it sees from then on."""

    def __init__(self, seed: int, inputs: int, instruments: int, candidates: int) -> None:
        self._random = random = np.random.default_rng(seed)
        self._candidates = candidates
        times = np.exp(random.uniform(np.log(1 / 288), np.log(10.0), inputs))
        self.times = dict(zip(_names(inputs), times.tolist(), strict=True))
        self._worlds = {timeframe: World(random, times.tolist(), timeframe, instruments) for timeframe in _TIMEFRAMES}
        self._instruments = instruments
        closes: dict[Timeframe, Everyday] = {}
        for timeframe, world in self._worlds.items():
            x = world.next(_TRAINING * world.daily)
            closes[timeframe] = trained_on(x, timeframe, instruments, seed)
            if timeframe == "5m":
                rows = x[np.sort(random.integers(0, len(x), candidates * _TRAINING))]
        reference = {name: histogram(rows[:, at]) for at, name in enumerate(self.times)}
        looks = candidates / WINDOW * MONTH
        limits = thresholds(rows, reference, looks=looks, alerts=CANDIDATES, seed=seed)
        self.model = _model(f"simulated-{seed}", self.times, reference=reference, drift=limits, closes=closes)

    def chunk(self, days: int) -> tuple[dict[Timeframe, _Floats], list[_Floats]]:
        """What it sees in the next ``days``: at closes, by timeframe, and of candidates, by part of a day."""
        closes = {timeframe: world.next(days * world.daily) for timeframe, world in self._worlds.items()}
        parts = np.array_split(closes["5m"], days * DAY // PART)
        rows = []
        for x in parts:
            number = self._random.poisson(self._candidates * PART / DAY)
            rows.append(x[np.sort(self._random.integers(0, len(x), number))])
        return closes, rows


def _model(name: str, inputs: Sequence[str] | dict[str, float], **told: Any) -> Model:
    """Of which only the manifest is asked."""
    manifest = Manifest(
        model=name, kind="lightgbm-onnx", strategy="", strategy_version="", segment=name, schema_hash="",
        context_hash="", inputs=[*inputs], train_start=0, train_end=0, outcomes=0, calibration=Calibration(1.0, 0.0),
        golden=[Golden(inputs=[0.0] * len(inputs), logit=0.0, probability=0.5)], **told,
    )  # fmt: skip
    unused: Any = None
    return Model(name, manifest, unused, unused, {})


def false_alerts(
    seeds: Sequence[int], *, inputs: int, days: int, instruments: int, candidates: int
) -> tuple[list[Drift], Counter[str]]:
    """The alerts of an engine in markets like those of training, one of each seed for each model that serves; and how
    often what was told by closes was beyond its threshold, by the persistence of the input.
    """
    models = [Simulated(seed, inputs, instruments, candidates) for seed in seeds]
    watch, alerts, beyond = DriftWatch(), list[Drift](), Counter[str]()
    parts = DAY // PART
    for first in range(0, days, _CHUNK):
        chunk = min(_CHUNK, days - first)
        made = [one.chunk(chunk) for one in models]
        for part in range(chunk * parts):
            ts = (_TRAINING + first) * DAY + (part + 1) * PART
            told: list[Drift] = []
            for one, (closes, rows) in zip(models, made, strict=True):
                for timeframe, x in closes.items():
                    watch.closes.on_rows(one.model, timeframe, np.array_split(x, chunk * parts)[part])
                for row in rows[part]:
                    told += watch.on_row(one.model, row, 0.5, Place(ts, "5m"))
            told += watch.look([one.model for one in models], ts)
            alerts += [record for record in told if record.alert]
            far = [record.measure for record in told if record.value > (record.threshold or np.inf)]
            beyond.update(("closes, " if measure.endswith("_day") else "candidates, ") + measure for measure in far)
    return alerts, beyond


def false_alerts_of_outcomes(seeds: Sequence[int], *, days: int, candidates: int, hours: float) -> list[Drift]:
    """The alerts where probabilities are true, and all candidates of a model hang on one market: each wins or not by
    its move from entry to end, ``hours`` long.
    """
    alerts, watch = list[Drift](), DriftWatch()
    told: list[tuple[Model, int, float, Label]] = []
    for seed in seeds:
        random, length = np.random.default_rng(seed), round(hours * HOUR / GRID)
        closes = (_TRAINING + days) * DAY // GRID
        moved = np.concatenate(([0.0], np.cumsum(random.normal(size=closes + length))))
        entries = np.sort(random.integers(0, closes, candidates * (_TRAINING + days)))
        p = random.uniform(0.3, 0.6, len(entries))
        normal = NormalDist()
        chance = [normal.cdf(one) for one in ((moved[entries + length] - moved[entries]) / np.sqrt(length)).tolist()]
        win = np.array(chance) < p
        cut = int(np.searchsorted(entries, _TRAINING * DAY // GRID))
        model = _model(
            f"outcomes-{seed}", ["x"], said=limits_of(p[:cut], win[:cut], days=_TRAINING, seed=seed),
            curve=[CurveBin(said=float(p[:cut].mean()), seen=float(win[:cut].mean()), rows=cut)],
        )  # fmt: skip
        for at in range(cut, len(p)):
            begin = int(entries[at]) * GRID
            label = Label(
                candidate_id=f"{seed}-{at}", instrument_id="x", status="horizon", ts_end=begin + length * GRID,
                spread_model=False, gap=False, ts_entry=begin, net_return=1.0 if win[at] else -1.0,
            )  # fmt: skip
            told.append((model, label.ts_end, float(p[at]), label))
    for model, ts, said, label in sorted(told, key=lambda one: one[1]):
        alerts += [one for one in watch.on_label(model, said, label, Place(ts, "1m", label.candidate_id)) if one.alert]
    return alerts


def delays(
    seed: int, *, inputs: int, instruments: int, beginnings: int, most_days: int = _MOST_DAYS, shift: float = 1.0
) -> dict[float, list[float]]:  # fmt: skip
    """Hours until a shift of 5m features by standard deviations is told, for beginnings at random times of day, by
    autocorrelation time; infinite: not in ``most_days``.

    Thresholds are those of an engine with ``inputs``: the others take their part of the budget.
    """
    random = np.random.default_rng(seed)
    times = [*_TIMES, *[1 / 288] * (inputs - len(_TIMES))]
    training = World(random, times, "5m", instruments)
    about = trained_on(training.next(_TRAINING * training.daily), "5m", instruments, seed)
    found: dict[float, list[float]] = {time: [] for time in _TIMES}
    for name, time in zip(_names(inputs), _TIMES, strict=False):
        own = Everyday(window=about.window, reference={name: about.reference[name]}, drift={name: about.drift[name]})
        model = _model(name, [name], closes={"5m": own})
        for _ in range(beginnings):
            found[time].append(_told_after(model, World(random, [time], "5m", instruments), random, shift, most_days))
    return found


def _told_after(model: Model, world: World, random: np.random.Generator, shift: float, most_days: int) -> float:
    watch, part = DriftWatch(), world.daily * PART // DAY
    begins = DAY + int(random.integers(0, world.daily)) * GRID
    for ts in range(PART, begins + most_days * DAY, PART):
        x = world.next(part)
        closes = np.repeat(ts - PART + GRID * np.arange(1, part + 1), len(x) // part)
        x[closes > begins] += np.float32(shift)
        watch.closes.on_rows(model, "5m", x)
        if any(one.alert for one in watch.look([model], ts)) and ts > begins:
            return (ts - begins) / HOUR
    return np.inf


def _names(inputs: int) -> list[str]:
    return [f"x{at}" for at in range(inputs)]


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drift", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1, help="the first")
    parser.add_argument("--inputs", type=int, default=_inputs(), help="of the model; default: as many as one has")
    parser.add_argument("--days", type=int, default=180, help="of the stationary market, after 90 of training")
    parser.add_argument("--instruments", type=int, default=5, help="of each model")
    parser.add_argument("--models", type=int, default=3, help="of an engine, each of a market of its own")
    parser.add_argument("--candidates", type=int, default=40, help="a day and model")
    parser.add_argument("--beginnings", type=int, default=10, help="of a shift, of each seed and autocorrelation time")
    parser.add_argument("--only", choices=("alerts", "outcomes", "delays"))
    told = parser.parse_args()
    seeds = range(told.seed, told.seed + told.seeds)
    for what, run in {"alerts": _alerts, "outcomes": _outcomes, "delays": _delays}.items():
        if told.only in {None, what}:
            run(seeds, told)


def _alerts(seeds: Sequence[int], told: argparse.Namespace) -> None:
    _say(
        f"{told.models} models, each of {told.inputs} inputs at each of {', '.join(_TIMEFRAMES)}, "
        f"{told.instruments} instruments, {told.candidates} candidates a day; {told.days} days"
    )
    rates: list[float] = []
    for seed in seeds:
        alerts, beyond = false_alerts(
            _seeds_of(seed, told), inputs=told.inputs, days=told.days, instruments=told.instruments,
            candidates=told.candidates,
        )  # fmt: skip
        rates.append(len(alerts) * MONTH / told.days)
        words = ", ".join(f"{what} {number}" for what, number in sorted(beyond.items()))
        _say(f"seed {seed}: {rates[-1]:.2f} false alerts a month; beyond thresholds: {words or 'nothing'}")
    _say(f"in the mean {np.mean(rates):.2f} false alerts a month, at most {max(rates):.2f}")


def _outcomes(seeds: Sequence[int], told: argparse.Namespace) -> None:
    for hours in (0.5, 2.0, 8.0):
        rates = [
            len(
                false_alerts_of_outcomes(
                    _seeds_of(seed, told), days=told.days, candidates=told.candidates, hours=hours
                )
            ) * MONTH / told.days
            for seed in seeds
        ]  # fmt: skip
        _say(
            f"outcomes that take {hours:g} h, {told.models} models, seeds {seeds[0]} to {seeds[-1]}: "
            f"{np.mean(rates):.2f} false alerts a month in the mean, at most {max(rates):.2f}"
        )


def _delays(seeds: Sequence[int], told: argparse.Namespace) -> None:
    every: dict[float, list[float]] = {time: [] for time in _TIMES}
    for seed in seeds:
        for time, found in delays(
            seed, inputs=told.inputs, instruments=told.instruments, beginnings=told.beginnings
        ).items():
            every[time] += found
    _say(
        f"a shift by 1 sigma of a 5m feature, {told.instruments} instruments, seeds {seeds[0]} to {seeds[-1]}, hours "
        f"until told (inf: not in {_MOST_DAYS} days):"
    )
    for time, found in every.items():
        late, middle = sum(one > DAY / HOUR for one in found), np.median(found)
        _say(
            f"autocorrelation time {time * DAY / HOUR:5.2f} h, {len(found)} beginnings at any time of day: "
            f"{middle:.1f} in the median, {max(found):.1f} at worst; {late} more than a day"
        )


def _seeds_of(seed: int, told: argparse.Namespace) -> list[int]:
    """Of each model."""
    return [seed + 1_000 * model for model in range(told.models)]


def _inputs() -> int:
    """Of a model with the default configuration: what a candidate knows, but for what is as large as its instrument."""
    left_out = TrainConfig().without_units
    return sum(feature.unit not in left_out for feature in (*CATALOGUE, *CONTEXT)) + len(CANDIDATE_INPUTS)


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201, this is a command


if __name__ == "__main__":
    main()
