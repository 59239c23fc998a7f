"""Regimes at the desk: parameters count from the first close at which they were known, and make sizes smaller."""

import msgspec
from msgspec.structs import replace

from operators.closed import Closed, Reading, Standing
from operators.config import DeskConfig, RiskConfig, StrategyConfig
from operators.desk.desk import Desk
from schemas.market import CONTROL, Regimes
from schemas.results import Context
from schemas.time import Timeframe
from schemas.topics import BY_NAME, Outgoing
from tests.models.test_regimes import TRUE
from tests.operators.desk.support import RISING, closed, definition, signals, standing, vector
from tests.operators.support import ID, ns

EAGER = DeskConfig(strategy=StrategyConfig(cooldown_bars=0))
KNOWN: dict[str, float | None] = {**RISING, "return_20": 0.02, "realised_volatility_20": 0.005}
NAMES = ("regime_bull", "regime_bear", "regime_sideways", "regime_volatile")


def told(minute: int, timeframe: Timeframe = "1m") -> Reading:
    record = Regimes(
        instrument_id=CONTROL, ts_event=ns(60 * minute), ts_received=ns(60 * minute), timeframe=timeframe,
        means=TRUE.means, variances=TRUE.variances, transition=TRUE.transition, initial=TRUE.initial,
    )  # fmt: skip
    return Reading(ns(60 * minute), record)


def closes(first: int, last: int, features: dict[str, float | None] = KNOWN) -> list[Closed | Standing | Reading]:
    return [closed(vector(minute, features), known=definition()) for minute in range(first, last + 1)]


def chances(out: list[Outgoing]) -> list[list[float | None]]:
    contexts = [
        msgspec.json.decode(sent.value, type=BY_NAME[sent.topic].record)
        for sent in out
        if sent.topic == "features.context"
    ]
    return [[one.features[name] for name in NAMES] for one in contexts if isinstance(one, Context)]


def test_they_are_known_from_the_close_on_at_which_the_log_told_the_parameters() -> None:
    out = Desk(EAGER).on_batch([standing(99, ID), told(3), told(1, "5m"), *closes(1, 6)])
    found = chances(out)
    assert found[:2] == [[None] * 4] * 2
    for known in found[2:]:
        assert None not in known
        assert abs(sum(chance or 0.0 for chance in known) - 1.0) < 1e-9
    assert (found[-1][0] or 0.0) > 0.9  # two hundredths up in twenty minutes of five thousandths each


def test_restored_anywhere_it_goes_on_as_before() -> None:
    records = [standing(99, ID), told(2), *closes(1, 6), told(7), *closes(7, 9)]
    expected = Desk(EAGER).on_batch(records)
    for cut in range(1, len(records)):
        desk = Desk(EAGER)
        out = desk.on_batch(records[:cut])
        assert out + Desk.restored(desk.state(), EAGER).on_batch(records[cut:]) == expected


def test_an_instrument_that_has_gone_is_forgotten() -> None:
    desk = Desk(EAGER)
    both = [closed(vector(minute, KNOWN, instrument_id=name)) for name in ("x:a", "x:b") for minute in (1, 2)]
    desk.on_batch([standing(2, "x:a", "x:b"), told(1), *both])
    desk.on_batch([standing(4, "x:a"), *[closed(vector(minute, KNOWN, instrument_id="x:a")) for minute in (3, 4)]])
    assert set(desk.contexts.external.regimes.filters["1m"]) == {"x:a"}


def test_a_volatile_regime_makes_the_size_smaller_if_asked_to() -> None:
    wild = {**KNOWN, "return_20": 0.0, "realised_volatility_20": 0.005}
    calm = replace(TRUE, means=[[9.0, 9.0]] * 3 + [[0.0, 0.0]])  # nothing but the last can be
    record = replace(told(1).record, means=calm.means)
    sizes = {}
    for share in (1.0, 0.25):
        config = replace(EAGER, risk=RiskConfig(volatile_size=share))
        out = Desk(config).on_batch([standing(99, ID), Reading(ns(60), record), *closes(1, 5, wild)])
        sizes[share] = signals(out)[-1].size
    assert sizes[1.0] is not None
    assert sizes[0.25] is not None
    assert abs(sizes[0.25] / sizes[1.0] - 0.25) < 0.01
