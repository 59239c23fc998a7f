"""What is compiled of indicators and meters beside the Python that it stands for."""

from random import Random
from typing import Any

import msgspec
import pytest

from operators import native
from operators.bars import OpenBar
from operators.desk.returns import GRID, Comoments, Returns
from operators.features import FeatureSet
from operators.flow.levels import LevelSide
from operators.flow.quantile import LogHistogram
from operators.flow.recorder import Recorder
from operators.indicators.zones import Zones
from operators.indicators.zscore import SessionsZScore
from operators.microstructure import BestQuote, BufferedTrade, Levels
from operators.native import bars, moving
from operators.native.twins import METERS, PLAIN, compiled
from operators.state import Slotted
from schemas.market import Side
from schemas.time import HOUR, SECOND

Quoted = tuple[int, BestQuote]

pytestmark = pytest.mark.skipif(not native.BUILT, reason="nothing is compiled on this machine")


def trades(draw: Random, number: int) -> list[BufferedTrade]:
    """Some trades of a few seconds, of every size and side."""
    times = sorted(number * 2 * SECOND + draw.randrange(5 * SECOND) for _ in range(draw.choice((0, 1, 40))))
    sides: tuple[Side | None, ...] = ("buy", "sell", "buy", None)
    return [
        (ts, 0, at, round(draw.gauss(100.0, 2.0), 1), draw.choice((0.0, 0.5, 3.0)), draw.choice(sides), None)
        for at, ts in enumerate(times)
    ]


def quotes(draw: Random, number: int) -> list[Quoted]:
    """Some best quotes, and when they came."""
    found = []
    for at in range(draw.choice((0, 1, 9))):
        bid = 100.0 + draw.choice((0.0, 0.0, 0.5, 1.0))
        ts = number * 2 * SECOND + at * draw.choice((1, SECOND))
        found.append((ts, (bid, draw.choice((1.0, 2.5)), bid + draw.choice((0.5, 1.0)), draw.random())))
    return found


def levels(draw: Random) -> Levels | None:
    """The best levels, now and then not known or too few."""
    bids, asks = ([100.0 + side * (at + draw.choice((0, 0, 1))) for at in range(5)] for side in (-1, 1))
    sizes = [draw.choice((1.0, 2.0, draw.random())) for _ in range(5)]
    if draw.random() < 0.05:
        return draw.choice((None, (bids[:4], sizes[:4], asks, sizes)))
    return bids, sizes, asks, sizes[::-1]


def metered(meter: Any, draw: Random, number: int) -> Any:
    """What ``meter`` says of something that comes at random; now and then it is lost, or taken."""
    some, best = trades(draw, number), quotes(draw, number)
    moves = [(ts, bid, ask) for ts, (bid, _, ask, _) in best]
    end = number * 2 * SECOND + draw.choice((0, SECOND))
    match type(meter).__name__:
        case "LargeTrades" | "TradeClock":
            meter.update(some)
        case "SpreadMeter":
            meter.update(moves)
        case "ImpactMeter":
            meter.trades(some)
            meter.quotes(moves)
        case "OrderFlowImbalance":
            meter.update([quote for _, quote in best])
        case "LogHistogram":
            meter.add(draw.lognormvariate(0.0, draw.choice((1.0, 20.0))))
            return meter.quantile(draw.choice((0.0, 0.9)), draw.choice((None, meter)))
        case "LevelFlow":
            meter.update(levels(draw))
        case "BookMeter":
            meter.add([draw.choice((None, 0.5, draw.gauss(0.0, 1.0))) for _ in meter._numbers])
    if draw.random() < 0.02 and hasattr(meter, "lose"):
        meter.lose() if type(meter).__name__ == "OrderFlowImbalance" else meter.lose(end)
    if draw.random() < 0.01 and hasattr(meter, "begin"):
        meter.begin(end)
    return taken(meter, draw, end) if draw.random() < 0.1 else None


def taken(meter: Any, draw: Random, end: int) -> Any:
    """What ``meter`` has measured."""
    match type(meter).__name__:
        case "BookMeter" | "OrderFlowImbalance" | "LevelFlow":
            return meter.take()
        case "TradeClock":
            return meter.take(end, heard=draw.random() < 0.8)
        case _:
            return meter.take(end)


def told(measure: Any, draw: Random, number: int) -> Any:
    """What ``measure`` says of something that comes at random, equal values among it."""
    low = round(100.0 + draw.gauss(0.0, 2.0), draw.choice((0, 1, 12)))
    high, close = low + draw.choice((0.0, 1.0, 2.5)), low + draw.random()
    if number < 120 or number % 500 > 400:
        low = high = close = 100.0  # nothing moves
    match type(measure).__name__:
        case "Mean" | "Window":
            measure.push(close * draw.choice((1.0, 1.0, 1e14, 1e-18, -1e-3)) if number % 300 > 150 else close)
            about = ("total", "newest", "deviation")
            return measure.mean, measure.full, [repr(getattr(measure, name, None)) for name in about]
        case "SessionsZScore":
            return measure.update(number * HOUR, draw.choice((None, low, 100.0, 100.0)))
        case "Levels" | "AverageTrueRange" | "AverageDirectionalIndex":
            return measure.update(high, low, close)
        case "Swings":
            return measure.update(high, low)
        case "Zones":
            measure.move(high, low, close)
            if draw.random() < 0.4:
                measure.add(low, low - measure._side * draw.choice((0.5, 3.0)))
            return measure.nearest(close)
        case _:
            return measure.update(close)


@pytest.mark.parametrize("kind", [kind for kind in METERS if kind is not LevelSide])  # that is in LevelFlow
def test_meters_say_the_same_and_go_on_with_each_others_state(kind: Any) -> None:
    def made() -> Any:
        return kind(0.001) if kind is LogHistogram else kind()

    draws = Random(3), Random(3)  # noqa: S311, a market
    plain, twin = made(), compiled(made())
    assert type(twin) is not type(plain)
    for number in (*range(1_000), *range(10**6, 10**6 + 500)):  # with a long silence
        assert repr(metered(twin, draws[0], number)) == repr(metered(plain, draws[1], number))
        if number % 97 == 0:
            states = [msgspec.msgpack.encode(one.state()) for one in (plain, twin)]
            assert states[0] == states[1]
            plain, twin = made(), compiled(made())
            plain.restore(msgspec.msgpack.decode(states[1]))
            twin.restore(msgspec.msgpack.decode(states[0]))


def test_a_recorder_has_no_plain_meter_left() -> None:
    recorder = compiled(Recorder())
    assert not {type(getattr(recorder, name)) for name in recorder.slots}.intersection(METERS)


@pytest.mark.parametrize("value", [1, -1, 5])
@pytest.mark.parametrize("kind", PLAIN)
def test_twins_say_the_same_and_go_on_with_each_others_state(kind: Any, value: int) -> None:
    def made() -> Any:
        if kind is SessionsZScore:
            return kind()
        return kind(value if kind is Zones else max(value, 2))

    draws = Random(value), Random(value)  # noqa: S311, a market
    plain, twin = made(), compiled(made())
    assert type(twin) is not type(plain)
    for number in range(1_500):
        assert repr(told(twin, draws[0], number)) == repr(told(plain, draws[1], number))
        if number % 97 == 0:
            states = plain.state(), twin.state()
            assert repr(states[0]) == repr(states[1])
            plain, twin = made(), compiled(made())
            plain.restore(states[1])
            twin.restore(states[0])


def test_a_set_of_all_features_has_no_plain_one_left() -> None:
    def kinds(measure: Slotted) -> set[type]:
        inner = [getattr(measure, name) for name in measure.slots]
        return {type(measure)}.union(*(kinds(one) for one in inner if isinstance(one, Slotted)))

    found = set[type]().union(*(kinds(measure) for _, measure in FeatureSet("5m")._measures))
    assert not found.intersection(PLAIN)
    plain = set[type]().union(*(kinds(measure) for _, measure in FeatureSet("5m", native=False)._measures))
    assert plain.issuperset(PLAIN)


@pytest.mark.parametrize("spread", [1e-3, 2.0, 0.0])
def test_sums_of_returns_are_the_same_to_the_bit(spread: float) -> None:
    draw, kinds = Random(7), ((Returns, Comoments), moving(native=True))  # noqa: S311, a market
    twins = [(returns(), returns(), moments()) for returns, moments in filter(None, kinds)]
    assert len(twins) == 2
    for _ in range(1_000):
        x, y = (round(draw.gauss(0.0, spread) * GRID * draw.choice((0, 1, 1, 1))) for _ in range(2))
        hole, alone = draw.random() < 0.005, draw.random() < 0.005
        said = []
        for one, other, pair in twins:
            if hole:
                one.clear()
            one.push(x)
            other.push(x + y)
            pair.forget() if alone else pair.follow(one, other)
            told = pair.correlation(), pair.beta(), pair.lead(), pair.shift()
            said.append(repr((told, len(one), one.last, one.values)))
        assert said[0] == said[1]


def test_bars_hold_the_same_whatever_comes_in_whatever_order() -> None:
    draw, kinds = Random(5), (OpenBar, bars(native=True))  # noqa: S311, a market
    assert kinds[0] is not kinds[1]
    for number in range(200):
        both = [[kind(number), kind(number), kind(number)] for kind in kinds]
        given = draw.random() < 0.1
        for at in range(20):
            some, best, late = trades(draw, 100 + at // 3), quotes(draw, at), draw.random() < 0.1
            draw.shuffle(some)
            for each in both:
                bar = each[at % 3]
                bar.add(some)
                if best:
                    bar.quotes([(ts, bid, ask) for ts, (bid, _, ask, _) in best])
                if late:
                    bar.trade((100 * SECOND + at % 2, at % 3), 99.5, 2.0, "sell")
                    bar.flag("late")
        for each in both:
            if given:
                each[1].origin, each[1].high = "exchange", 200.0
            each[0].absorb(each[1])
            each[0].absorb(OpenBar.restored(each[2].state()))
            each[2].absorb_quotes(each[0])
        states = [repr([(bar.state(), bar.traded) for bar in each]) for each in both]
        records = [repr(each[0].record("x", "1m", 5)) for each in both]
        assert (states[0], records[0]) == (states[1], records[1])
        again = kinds[1].restored(both[0][0].state())
        assert (type(again), again.state()) == (kinds[1], both[1][0].state())
