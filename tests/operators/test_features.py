"""The catalogue and the vector: what every entry promises, held to for all of them alike."""

import math
from collections.abc import Callable
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.bars import OpenBar
from operators.errors import StateError
from operators.feature import SESSIONS, Moment, Ratios, Told, span_on
from operators.features import CATALOGUE, NAMES, SCHEMA_HASH, FeatureSet
from operators.flow.impact import ImpactPart
from operators.flow.intensity import TradesPart
from operators.flow.large import LargePart
from operators.flow.levels import LevelsPart
from operators.flow.ofi import FlowPart
from operators.flow.part import Flow
from operators.flow.resilience import SweepsPart
from operators.flow.samples import SamplesPart
from operators.flow.spread import SpreadPart
from operators.flow.vpin import VpinPart
from schemas.time import DAY, HOUR, MINUTE, SECOND, TIMEFRAME_NS, TIMEFRAMES, Timeframe
from tests.operators.indicators.support import walked_bars
from tests.operators.support import START, exchange_bar

Vector = dict[str, float | None]
SECOND_PER_DAY = 86_400


MOMENT = Moment(
    spread=0.5, spread_bps=1.0, microprice=100.0, microprice_bps=0.1, obi_1=0.1, obi_5=0.2, obi_10=0.3, obi_20=0.4,
    bid=99.5, ask=100.0, funding_rate=1e-4, funding_interval=8 * HOUR, next_funding=START + 40 * DAY, basis_bps=2.0,
    open_interest=1e6, ratios=Ratios(1.5, 1.2, 1.1, 0.9, START), funding_percentile=0.5,
    funding_settled=1e-4, told=Told(START, START, START, START, START, START), lost={},
    forced=(1, 10.0, 2, 20.0), shape=(0.5,) * 13,
)  # fmt: skip
_TRADES = walked_bars(1, 1)[0].trades
FLOW: Flow = {
    "ofi": FlowPart(1.0),
    "book": SamplesPart((60,) * 17, (6.0,) * 17, (-0.5,) * 9, (0.5,) * 9),
    "impact": ImpactPart(60, 1.0, 0.5, 8.0, 4.0, 3.0),
    "levels": LevelsPart(1, (1.0, 2.0, 3.0, 4.0, 5.0)),
    "large": LargePart(_TRADES, 700.0, 2, 300.0, 100.0, 200.0, 90.0),
    "spread": SpreadPart(60, 90.0, 180.0, 1.0, 2.0, 2.0, 4.0),
    "vpin": VpinPart(0.25),
    "sweeps": SweepsPart(1, 3, 2, 1, 12 * SECOND),
    "trades": TradesPart(_TRADES, 3, 2, 2 * SECOND),
}  # fmt: skip
"""Of a minute in which every meter saw something."""


def flowed(ofi: float) -> Flow:
    return {"ofi": FlowPart(ofi)}


def vectors(bars: list[OpenBar], timeframe: Timeframe = "1m", features: FeatureSet | None = None) -> list[Vector]:
    features = features or FeatureSet(timeframe)
    return [features.update(bar, Moment()) for bar in bars]


def test_a_vector_holds_the_catalogue_in_its_order() -> None:
    (vector,) = vectors(walked_bars(1, 1))
    assert tuple(vector) == NAMES == tuple(feature.name for feature in CATALOGUE)
    assert len(set(NAMES)) == len(NAMES)


def test_every_entry_says_what_it_is() -> None:
    for feature in CATALOGUE:
        assert feature.name.isidentifier()
        assert all((feature.unit, feature.summary, feature.formula, feature.source, feature.null))


def test_what_is_told_of_the_moment_is_in_the_vector_as_it_is() -> None:
    vector = FeatureSet("1m").update(walked_bars(1, 1)[0], MOMENT)
    shared = [name for name in Moment.__struct_fields__ if name in vector]
    assert len(shared) == 13
    assert {name: vector[name] for name in shared} == {name: getattr(MOMENT, name) for name in shared}


def test_not_ready_is_not_zero_and_each_becomes_known_when_it_says() -> None:
    ready: dict[str, int] = {}
    bars = walked_bars(2, 400)  # from 00:00 UTC on
    features = FeatureSet("1m")
    for i, bar in enumerate(bars, 1):
        features.add_flow(FLOW)
        told = msgspec.structs.replace(MOMENT, told=Told(*[bar.ts_open] * 6))
        for name, value in features.update(bar, told).items():
            if value is not None:
                ready.setdefault(name, i)
    late = {feature.name for feature in CATALOGUE if feature.null.startswith("no ")}  # wait for something to happen
    said = {feature.name: feature.ready for feature in CATALOGUE}
    assert {name: i for name, i in ready.items() if name not in late} == {
        name: said[name] for name in NAMES if name not in late
    }
    assert all(i >= said[name] for name, i in ready.items())


def test_values_keep_to_their_range() -> None:
    for vector in vectors(walked_bars(3, 3_000)):
        for feature in CATALOGUE:
            value = vector[feature.name]
            if value is not None:
                assert math.isfinite(value), feature.name
                assert feature.low is None or value >= feature.low - 1e-9, feature.name
                assert feature.high is None or value <= feature.high + 1e-9, feature.name


@pytest.mark.parametrize("price", [1e-8, 100.0, 1e7])
def test_a_flat_market_divides_by_nothing(price: float) -> None:
    bars = [OpenBar(START + i * MINUTE) for i in range(2_000)]
    for bar in bars:
        bar.empty(price)
    last = vectors(bars)[-1]
    assert all(value is None or math.isfinite(value) for value in last.values())
    assert (last["bb_width"], last["bb_percent_b"], last["atr_14"], last["return_5"]) == (0.0, None, 0.0, 0.0)


class Warm(NamedTuple):
    """A run from the beginning, and one that begins later."""

    name: str
    whole: float | None
    begun_late: float | None


@pytest.mark.parametrize("timeframe", ["1m", "1h", "4h"])
def test_a_warm_start_equals_the_uninterrupted_run_after_what_the_catalogue_states(timeframe: Timeframe) -> None:
    length = TIMEFRAME_NS[timeframe]
    a_day = DAY // length
    bars = walked_bars(4, 2_500 + 4 * a_day, timeframe)
    whole = vectors(bars, timeframe)[-1]
    last = bars[-1].ts_open
    for warm_up in sorted({str(span_on(feature.warm_up, timeframe)) for feature in CATALOGUE}):
        today = last - last % DAY
        since = today - (SESSIONS[warm_up] - 1) * DAY if warm_up in SESSIONS else None
        # From the bar before a session on, since a return reaches back to it.
        count = (last - since) // length + 2 if since is not None else max(int(warm_up), 1)
        late = vectors(bars[-count:], timeframe)[-1]
        for feature in CATALOGUE:
            if str(span_on(feature.warm_up, timeframe)) == warm_up:
                one = Warm(feature.name, whole[feature.name], late[feature.name])
                assert (one.whole is None) == (one.begun_late is None), one
                if one.whole is not None:
                    assert one.begun_late == pytest.approx(one.whole, rel=1e-9, abs=1e-12), one


@settings(max_examples=30)
@given(st.integers(1, 2_000), st.sampled_from(TIMEFRAMES))
def test_restored_anywhere_it_goes_on_to_the_bit(cut: int, timeframe: Timeframe) -> None:
    bars = walked_bars(5, 2_060, timeframe)[max(0, cut - 300) : cut + 60]
    at = min(cut, 300)
    features, again = FeatureSet(timeframe), FeatureSet(timeframe)
    features.add_flow(FLOW)
    vectors(bars[:at], timeframe, features)
    features.add_flow(FLOW)
    again.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(features.state())))
    assert vectors(bars[at:], timeframe, again) == vectors(bars[at:], timeframe, features)


def test_the_state_is_that_of_now_however_often_it_is_asked_for() -> None:
    first, second = walked_bars(1, 2)
    other = FeatureSet("1m")
    other.update(second, Moment())
    saved = msgspec.msgpack.decode(msgspec.msgpack.encode(other.state()))
    changes: list[Callable[[FeatureSet], object]] = [
        lambda features: features.add_flow(FLOW), lambda features: features.skip(),
        lambda features: features.add_flow(FLOW), lambda features: features.update(first, Moment()),
        lambda features: features.restore(saved), lambda features: features.update(second, Moment()),
    ]  # fmt: skip
    asked = FeatureSet("1m")
    for count, change in enumerate(changes, 1):
        asked.state()
        change(asked)
        fresh = FeatureSet("1m")
        for earlier in changes[:count]:
            earlier(fresh)
        assert msgspec.msgpack.encode(asked.state()) == msgspec.msgpack.encode(fresh.state())


def leaked(compute: Callable[[list[OpenBar]], list[Vector]], cut: int, seed: int) -> set[str]:
    """The features whose values up to ``cut`` change when all bars after it do."""
    bars, others = walked_bars(6, 210), walked_bars(seed, 210)
    told, again = compute(bars)[:cut], compute(bars[:cut] + others[cut:])[:cut]
    return {name for one, other in zip(told, again, strict=True) for name in one if one[name] != other[name]}


@settings(max_examples=20)
@given(st.integers(1, 200), st.integers(0, 1_000))
def test_nothing_later_changes_a_vector(cut: int, seed: int) -> None:
    assert leaked(vectors, cut, seed) == set()


def ahead(bars: list[OpenBar]) -> list[Vector]:
    """Looks at the next close."""
    closes = [bar.close for bar in bars]
    return [{"cheat": after - now} for now, after in zip(closes, [*closes[1:], closes[-1]], strict=True)]


def scaled(bars: list[OpenBar]) -> list[Vector]:
    """Is normalised by the mean of all there is."""
    mean = sum(bar.close for bar in bars) / len(bars)
    return [{"cheat": bar.close / mean} for bar in bars]


def redrawn(bars: list[OpenBar]) -> list[Vector]:
    """A zigzag that is drawn into the vector of its top, once that is known."""
    found: list[Vector] = [{"cheat": None} for _ in bars]
    for i in range(1, len(bars) - 1):
        if bars[i - 1].high < bars[i].high > bars[i + 1].high:
            found[i]["cheat"] = bars[i].high
    return found


@pytest.mark.parametrize("cheat", [ahead, scaled, redrawn])
def test_a_planted_cheat_is_caught(cheat: Callable[[list[OpenBar]], list[Vector]]) -> None:
    def compute(bars: list[OpenBar]) -> list[Vector]:
        return [honest | planted for honest, planted in zip(vectors(bars), cheat(bars), strict=True)]

    assert set().union(*(leaked(compute, cut, seed=7) for cut in range(20, 60))) == {"cheat"}


def test_flow_is_summed_over_the_bar_and_begins_anew() -> None:
    features, (bar, *_) = FeatureSet("1m"), walked_bars(1, 1)
    features.add_flow(flowed(2.0))
    features.add_flow({})
    features.add_flow(flowed(-5.0))
    assert features.update(bar, Moment())["ofi"] == -3.0
    assert features.update(bar, Moment())["ofi"] is None
    features.add_flow(flowed(7.0))
    features.skip()
    assert features.update(bar, Moment())["ofi"] is None
    features.add_flow(flowed(0.0))
    assert features.update(bar, Moment())["ofi"] == 0.0


def test_sides_that_are_not_told_are_not_balanced() -> None:
    features = FeatureSet("1m")
    known = features.update(OpenBar.of(exchange_bar(60, 100.0, volume=0.1, buy_volume=0.08)), Moment())
    assert known["tfi"] == pytest.approx(0.6)
    assert known["taker_ratio"] == pytest.approx(4.0)
    assert known["cvd"] == pytest.approx(0.06)
    unknown = features.update(OpenBar.of(exchange_bar(120, 100.0, buy_volume=None)), Moment())
    assert (unknown["tfi"], unknown["taker_ratio"], unknown["cvd"]) == (None, None, None)


def test_an_empty_bar_leaves_the_delta_as_it_is() -> None:
    features = FeatureSet("1m")
    features.update(OpenBar.of(exchange_bar(60, 100.0, volume=10.0, buy_volume=8.0)), Moment())
    empty = OpenBar(START + MINUTE)
    empty.empty(100.0)
    assert features.update(empty, Moment())["cvd"] == 6.0


def test_the_state_of_another_catalogue_is_refused() -> None:
    state = FeatureSet("1m").state()
    with pytest.raises(StateError, match=f"schema abc, this program's catalogue is {SCHEMA_HASH}"):
        FeatureSet("1m").restore(["abc", *state[1:]])
