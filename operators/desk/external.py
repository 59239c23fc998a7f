"""From outside the market: the metrics in force at a close, and how near the macro calendar's events are."""

from heapq import heappop, heappush
from math import fsum, sqrt
from typing import Final

from msgspec import Struct, field

from operators.desk.regime import Regimes
from operators.feature import Feature
from schemas.market import METRICS, ExternalMetric, MacroEvent, Metric
from schemas.market import Regimes as ToldRegimes
from schemas.time import HOUR

__all__ = ["FEATURES", "External"]

_READINGS: Final = 30
"""Those that a value is held against."""
_LEAST: Final = 10
_NOTHING: Final = 1e-12
"""Of the mean: a deviation that is rounding only."""
_SERIES: Final = 10_000
_EVENTS: Final = 1_000


class _Series(Struct, array_like=True):
    """One metric of one asset, or of none."""

    ts: int
    """When the value in force was published, ns."""
    value: float
    before: list[float] = []
    """The `_READINGS` before it, oldest first."""
    z: float | None = None

    def take(self, ts: int, value: float) -> None:
        """A newer reading; one of the same time replaces the value, an older one says nothing any more."""
        if ts < self.ts:
            return
        if ts > self.ts:
            self.before = [*self.before, self.value][-_READINGS:]
        self.ts, self.value, self.z = ts, value, _score(value, self.before)


class External(Struct, kw_only=True):
    """What is known of the world beside the market, close by close.

    A reading counts from the first close on at which it was published and received, whenever it comes to the desk: the
    control key tells it before any close that it may count at. Older readings are known in the order of their times.
    """

    life: int
    """ns after its publication for which a value is in force."""
    waiting: list[tuple[int, int, ExternalMetric | MacroEvent | ToldRegimes]] = []
    """Known from when on, how many came before, the record: a heap."""
    count: int = 0
    series: dict[str, _Series] = {}
    """By metric and asset."""
    coming: dict[str, int] = {}
    """By event, when it is scheduled, ns."""
    last: int | None = None
    """When the last one was, ns."""
    regimes: Regimes = field(default_factory=Regimes)

    def add(self, known: int, record: ExternalMetric | MacroEvent | ToldRegimes) -> None:
        """Take what the control key told; it counts from ``known`` (ns) on."""
        self.count += 1
        heappush(self.waiting, (known, self.count, record))

    def move(self, ts_close: int) -> None:
        """Move on to ``ts_close`` (ns)."""
        while self.waiting and self.waiting[0][0] <= ts_close:
            record = heappop(self.waiting)[2]
            if isinstance(record, ExternalMetric):
                self._measure(record)
            elif isinstance(record, ToldRegimes):
                self.regimes.tell(record)
            else:
                self._schedule(record)
        passed = [name for name, ts in self.coming.items() if ts <= ts_close]
        for name in passed:
            self.last = max(self.last or 0, self.coming.pop(name))

    def values(self, instrument_id: str, ts_close: int) -> tuple[float | None, ...]:
        """The values of `FEATURES` for an instrument at ``ts_close`` (ns), to which it was moved."""
        if not self.count:
            return _UNKNOWN
        base = instrument_id.partition(":")[2].partition("/")[0]
        found: list[float | None] = []
        for metric in METRICS:
            series = self.series.get(_key(metric, base)) or self.series.get(_key(metric, None))
            if series is None:
                found += (None, None, None)
                continue
            age = ts_close - series.ts
            value, z = (series.value, series.z) if age <= self.life else (None, None)
            found += (value, age / HOUR, z)
        following = min(self.coming.values(), default=None)
        return (
            *found,
            None if following is None else (following - ts_close) / HOUR,
            None if self.last is None else (ts_close - self.last) / HOUR,
        )

    def _measure(self, record: ExternalMetric) -> None:
        key = _key(record.metric, record.asset)
        series = self.series.get(key)
        if series is not None:
            series.take(record.ts_event, record.value)
            return
        self.series[key] = _Series(record.ts_event, record.value)
        if len(self.series) > _SERIES:
            del self.series[min(self.series, key=lambda name: (self.series[name].ts, name))]

    def _schedule(self, record: MacroEvent) -> None:
        self.coming.pop(record.name, None)
        if record.cancelled:
            return
        self.coming[record.name] = record.ts_scheduled
        if len(self.coming) > _EVENTS:
            del self.coming[max(self.coming, key=lambda name: (self.coming[name], name))]


def _key(metric: Metric, asset: str | None) -> str:
    return f"{metric} {asset or ''}"


def _score(value: float, before: list[float]) -> float | None:
    if len(before) < _LEAST:
        return None
    mean = fsum(before) / len(before)
    deviation = sqrt(fsum((x - mean) ** 2 for x in before) / len(before))
    return (value - mean) / deviation if deviation > _NOTHING * abs(mean) else None


def _entries(metric: Metric) -> tuple[Feature, Feature, Feature]:
    about = METRICS[metric]
    none = "no reading is in force: market.metric_life_days after the last one was published"
    told = f"that of the base currency, else that of none, from its publication and receipt on; {about.source}"
    return (
        Feature(
            name=metric, unit=about.unit, low=about.low, high=about.high, inputs=("external",), summary=about.summary,
            formula="the value in force at the close", source=told, null=none,
        ),
        Feature(
            name=f"{metric}_age", unit="hours", low=0.0, inputs=("external",), summary=f"Age of {metric}",
            formula="close - publication", source="its definition", null="never told",
        ),
        Feature(
            name=f"{metric}_z", unit="deviations", inputs=("external",),
            summary=f"{metric} against the {_READINGS} readings before", source="its definition",
            formula=f"(value - mean) / stddev of up to {_READINGS} readings before the one in force",
            null=f"{none}; fewer than {_LEAST} before it, or nothing varied",
        ),
    )  # fmt: skip


def _event(name: str, summary: str, formula: str, null: str) -> Feature:
    return Feature(
        name=name, unit="hours", low=0.0, inputs=("external",), summary=summary, formula=formula,
        source="the macro calendar as it was known at the close", null=null,
    )  # fmt: skip


FEATURES: Final = (
    *(feature for metric in METRICS for feature in _entries(metric)),
    _event("macro_next", "Time to the next scheduled event", "scheduled - close", "none is scheduled"),
    _event("macro_since", "Time since the last scheduled event", "close - scheduled", "there was none"),
)

_UNKNOWN: Final = (None,) * len(FEATURES)
