"""Regimes at the desk: parameters count from the first close at which they were known, and make sizes smaller."""

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace

from operators.closed import Closed, Reading, Standing
from operators.config import DeskConfig, RiskConfig, StrategyConfig
from operators.desk.desk import Desk
from operators.desk.regime import sized
from operators.errors import OperatorError
from schemas.market import CONTROL, RegimeName, Regimes
from schemas.results import Context
from schemas.signals import Signal
from schemas.time import Timeframe
from schemas.topics import Outgoing
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


def contexts(out: list[Outgoing]) -> list[Context]:
    return [msgspec.json.decode(sent.value, type=Context) for sent in out if sent.topic == "features.context"]


def chances(out: list[Outgoing]) -> list[list[float | None]]:
    return [[one.features[name] for name in NAMES] for one in contexts(out)]


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


def test_what_the_matrix_says_equals_its_definition() -> None:
    """At every close, the ones without an observation among them, by matrices of numpy."""
    uneven = np.array([[0.9, 0.02, 0.05, 0.03], [0.1, 0.8, 0.06, 0.04], [0.0, 0.0, 1.0, 0.0], [0.3, 0.3, 0.3, 0.1]])
    record = replace(told(1).record, transition=uneven.tolist())
    blind = {**KNOWN, "return_20": None}
    records = [*closes(1, 4), *closes(5, 6, blind), *closes(7, 7, {**KNOWN, "return_20": -0.02})]
    found = contexts(Desk(EAGER).on_batch([standing(99, ID), Reading(ns(60), record), *records]))
    assert len(found) == 7
    leaving = 1 - np.diag(uneven)
    for one in found:
        now = np.array([one.features[name] for name in NAMES], dtype=float)
        following = [one.features[f"{name}_next"] for name in NAMES]
        assert following == pytest.approx(now @ uneven, rel=1e-12)
        assert one.features["regime_change"] == pytest.approx(now @ leaving, rel=1e-12)
        assert one.features["regime_duration"] == pytest.approx(now @ (1 / np.maximum(leaving, 1e-3)), rel=1e-12)
    # What is not observed is as it was expected at the close before.
    for before, blind_one in ((found[3], found[4]), (found[4], found[5])):
        expected = [before.features[f"{name}_next"] for name in NAMES]
        assert [blind_one.features[name] for name in NAMES] == pytest.approx(expected, rel=1e-12)


def sizes(regime_sizes: dict[RegimeName, float], state: int, features: dict[str, float | None] = KNOWN) -> Signal:
    """The last signal in a market that is surely in ``state``."""
    means = [[9.0, 9.0]] * 4
    means[state] = [0.0, 0.0]
    flat = {**features, "return_20": 0.0}
    config = replace(EAGER, risk=RiskConfig(regime_sizes=regime_sizes))
    record = replace(told(1).record, means=means)
    return signals(Desk(config).on_batch([standing(99, ID), Reading(ns(60), record), *closes(1, 5, flat)]))[-1]


def test_each_regime_has_its_size() -> None:
    whole = sizes({}, 0).size
    assert whole is not None
    asked: dict[RegimeName, float] = {"bull": 0.9, "bear": 0.5, "volatile": 0.25}
    for state, share in enumerate((0.9, 0.5, 1.0, 0.25)):
        found = sizes(asked, state).size
        assert found is not None
        assert abs(found / whole - share) < 0.01
    assert sizes({"bull": 1.0, "bear": 1.0, "sideways": 1.0, "volatile": 1.0}, 3).size == whole


def test_multipliers_are_weighted_by_the_probabilities() -> None:
    known = {"regime_bull": 0.1, "regime_bear": 0.2, "regime_sideways": 0.3, "regime_volatile": 0.4}
    assert sized({"bull": 1.0, "bear": 0.5, "sideways": 0.0, "volatile": 0.25}, known) == pytest.approx(0.3)
    assert sized({"volatile": 0.25}, known) == pytest.approx(0.7)
    assert sized({"volatile": 0.25}, dict.fromkeys(known)) == 1.0


@pytest.mark.parametrize("chances", [(8 / 35, 9 / 35, 9 / 35, 9 / 35), (0.1, 0.2, 0.3, 0.4000000000000002)])
def test_multipliers_that_are_alike_are_the_mean_exactly(chances: tuple[float, ...]) -> None:
    """Whichever way the sum of the probabilities is rounded."""
    known = dict(zip(NAMES, chances, strict=True))
    for share in (0.0, 1.0):
        assert sized({"bull": share, "bear": share, "sideways": share, "volatile": share}, known) == share
    surely = {**dict.fromkeys(NAMES, 1e-17), "regime_bear": 1.0}
    assert sized({"bear": 0.0}, surely) == 0.0


def test_less_than_a_lot_is_a_veto() -> None:
    signal = sizes({"bear": 0.0}, 1)
    assert (signal.size, signal.status) == (0.0, "vetoed")
    assert signal.vetoes == ["0% of its size, by models and regime, is not a lot"]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"wild": 1.0}, "wild is no regime, these are: bull, bear, sideways, volatile"),
        ({"bull": 1.5}, "bull = 1.5: must be 0 to 1"),
        ({"bear": float("nan")}, "bear = nan: must be 0 to 1"),
    ],
)
def test_a_wrong_multiplier_is_named(given: dict[RegimeName, float], reason: str) -> None:
    with pytest.raises(OperatorError, match=f"^regime_sizes: {reason}$"):
        RiskConfig(regime_sizes=given)
