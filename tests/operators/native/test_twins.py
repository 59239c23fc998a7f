"""What is compiled of indicators beside the Python that it stands for."""

from random import Random
from typing import Any

import pytest

from operators import native
from operators.desk.returns import GRID, Comoments, Returns
from operators.features import FeatureSet
from operators.indicators.zones import Zones
from operators.indicators.zscore import SessionsZScore
from operators.native import moving
from operators.native.twins import PLAIN, compiled
from operators.state import Slotted
from schemas.time import HOUR

pytestmark = pytest.mark.skipif(not native.BUILT, reason="nothing is compiled on this machine")


def told(measure: Any, draw: Random, number: int) -> Any:
    """What ``measure`` says of something that comes at random, equal values among it."""
    low = round(100.0 + draw.gauss(0.0, 2.0), draw.choice((0, 1, 12)))
    high, close = low + draw.choice((0.0, 1.0, 2.5)), low + draw.random()
    if number < 120 or number % 500 > 400:
        low = high = close = 100.0  # nothing moves
    match type(measure).__name__:
        case "Mean" | "Window":
            return measure.push(close), measure.mean, measure.full, getattr(measure, "deviation", 0.0)
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
