"""A small plot of each feature, of two hours of a simulated market: what it looks like, not what it is worth."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec

from flows.engine import engine_flow
from flows.feeds import Entry
from flows.memory import Kept, MemoryLog
from flows.runtime import run_here
from flows.settings import Settings
from operators.desk.context import CONTEXT
from operators.feature import Feature
from operators.features import CATALOGUE
from schemas.market import (
    CONTROL,
    METRICS,
    ExternalMetric,
    FundingRate,
    LongShortRatio,
    MacroEvent,
    OpenInterest,
    Regimes,
)
from schemas.results import Context, FeatureRecord, Vector
from schemas.time import DAY, HOUR, MINUTE, TIMEFRAMES, Timeframe
from schemas.topics import Outgoing
from sources.merge import Item, merge
from sources.sequencer import sequence
from sources.simulator import LISTINGS, Simulator, SimulatorConfig

__all__ = ["drawn", "market", "plots"]

_BEGIN: Final = 1_723_161_600_000_000_000 + 12 * HOUR  # 2024-08-09 12:00 UTC
_LENGTH: Final = 2 * HOUR
_DAYS: Final = 3.0
"""Of history before it: 24 to 48 h of scores are whole."""
_INSTRUMENT: Final = LISTINGS[2].instrument_id
_POINTS: Final = 120
_WIDTH, _HEIGHT, _EDGE = 300, 56, 4
_STEP: Final = 2
"""Pixels a close."""
_REGIMES: Final[dict[str, list[Any]]] = {
    "means": [[1.2, -0.1], [-1.2, -0.1], [0.0, -0.2], [0.0, 0.5]],
    "variances": [[0.4, 0.1], [0.4, 0.1], [0.3, 0.1], [1.0, 0.2]],
    "transition": [
        [0.94, 0.02, 0.02, 0.02], [0.02, 0.94, 0.02, 0.02], [0.01, 0.01, 0.97, 0.01], [0.03, 0.03, 0.03, 0.91],
    ],
    "initial": [0.25, 0.25, 0.25, 0.25],
}  # fmt: skip
_Series = dict[str, list[float | None]]


def plots() -> dict[str, str]:
    """An SVG for each feature of the catalogue, by name; the same at every call."""
    found = _values()
    return {feature.name: drawn(found[_timeframe(feature)].get(feature.name, [])) for feature in (*CATALOGUE, *CONTEXT)}


def drawn(values: Sequence[float | None]) -> str:
    """The last values as a line with their extremes beside it; what is not known leaves a hole."""
    values = values[-_POINTS:]
    known = [value for value in values if value is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    room = _HEIGHT - 2 * _EDGE
    parts: list[str] = []
    down = False
    for i, value in enumerate(values):
        if value is not None:
            share = (value - low) / (high - low) if high > low else 0.5
            parts.append(f"{'L' if down else 'M'}{i * _STEP},{_HEIGHT - _EDGE - round(share * room)}")
            if not down:
                parts.append("h1")  # so that a value between two holes is seen
        down = value is not None
    right = _POINTS * _STEP + 3
    label = f'<text x="{right}" y="{{y}}">{{text}}</text>'
    words = [label.format(y=12, text=f"{high:.4g}"), label.format(y=_HEIGHT - 4, text=f"{low:.4g}")]
    if not known:
        words = [f'<text x="0" y="{_HEIGHT // 2}">not told in the simulation</text>']
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" '
        'font-family="sans-serif" font-size="11" fill="#8b949e">'
        f'<path d="{"".join(parts)}" fill="none" stroke="#d97706" stroke-width="1.2"/>{"".join(words)}</svg>\n'
    )


def _timeframe(feature: Feature) -> Timeframe:
    return feature.timeframes[0]


def market(days: float = _DAYS, length: int = _LENGTH) -> Iterator[Entry]:
    """The log of a simulated market of ``length`` ns after so many days of bars; all that features are made of is told.

    What the simulator does not have is made up: derivatives before its beginning, a crowd, and the world outside.
    """
    simulator = Simulator(SimulatorConfig(seed=7, start=_BEGIN, duration=length, edge=0.3))
    parts: list[Iterable[Item]] = [simulator.definitions(days), simulator.history_bars(days=days), simulator]
    inside: Iterable[Item] = (item for _, item in merge(parts) if item is not None)
    begin, end = _BEGIN - round(days * DAY), _BEGIN + length
    return sequence(inside, _crowd(begin, end), _outside(end), source="simulator")


def _values() -> dict[str, _Series]:
    told: list[Outgoing] = []
    run_here(engine_flow(Settings(), MemoryLog(market()), Kept(told.append), Kept(lambda _: None)))
    found: dict[str, _Series] = {}
    for record in map(_decoded, told):
        if record is not None:
            series = found.setdefault(record.timeframe, {})
            for name, value in record.features.items():
                series.setdefault(name, []).append(value)
    return found


def _decoded(record: Outgoing) -> Vector | Context | None:
    if record.key != _INSTRUMENT or record.topic not in {"features.vectors", "features.context"}:
        return None
    if record.topic == "features.context":
        return msgspec.json.decode(record.value, type=Context)
    one: FeatureRecord = msgspec.json.decode(record.value, type=FeatureRecord)
    return one if isinstance(one, Vector) else None


def _crowd(begin: int, end: int) -> Iterator[Item]:
    """Ratios of longs and shorts every five minutes, and until the market begins open interest and hourly funding."""
    for i, ts in enumerate(range(begin + MINUTE, end, 5 * MINUTE)):
        common = {"instrument_id": _INSTRUMENT, "ts_event": ts, "ts_received": ts}
        ratios = {"accounts": 1.8, "top_accounts": 1.5, "top_positions": 1.3, "taker_volume": 1.0}
        told = {name: _wave(i, middle) for name, middle in ratios.items()}
        yield msgspec.convert(common | told, LongShortRatio)
        if ts < _BEGIN:
            yield msgspec.convert({**common, "open_interest": _wave(i, 50_000.0)}, OpenInterest)
            if i % 12 == 0:
                yield msgspec.convert({**common, "rate": _wave(i, 1e-4), "interval": HOUR}, FundingRate)


def _outside(end: int) -> Iterator[Item]:
    """A reading of each metric every ten minutes, and two dates."""
    for i, ts in enumerate(range(_BEGIN - DAY, end, 10 * MINUTE)):
        for metric, about in METRICS.items():
            low, high = about.low or 0.0, about.high or 2.0
            value = low + (high - low) * _wave(i, 1.0) / 2.0
            yield ExternalMetric(instrument_id=CONTROL, ts_event=ts, ts_received=ts, metric=metric, value=value)
        if not i:
            for name in TIMEFRAMES:
                yield Regimes(instrument_id=CONTROL, ts_event=ts, ts_received=ts, timeframe=name, **_REGIMES)
        if i < 2:
            scheduled = _BEGIN + 26 * HOUR if i else _BEGIN - HOUR
            yield MacroEvent(
                instrument_id=CONTROL, ts_event=ts, ts_received=ts, name=f"decision {i}", ts_scheduled=scheduled
            )


def _wave(i: int, middle: float) -> float:
    """Something between half and three halves of ``middle`` that goes up and down."""
    return middle * (1.0 + (i * i % 41 - 20) / 80.0 + (i % 29 - 14) / 60.0)
