"""Prices and sizes, and what stands in a candidate's way."""

from decimal import Decimal
from math import isfinite
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from operators.config import RiskConfig, StrategyConfig
from operators.desk.confluence import Opinion
from operators.desk.risk import Plan, plan, vetoes
from schemas.codec import DecodeError, decode_event, encode
from schemas.market import InstrumentDefinition
from schemas.signals import Direction
from tests.operators.desk.support import RISING, definition, vector
from tests.operators.support import QUICK

STRATEGY, RISK = StrategyConfig(), RiskConfig()
LONG, SHORT = Opinion("long", 0.6, [], []), Opinion("short", -0.6, [], [])


def prices(opinion: Opinion, bid: float, ask: float, atr: float, known: InstrumentDefinition | None = None) -> Plan:
    return plan(opinion, bid, ask, atr, known, STRATEGY, RISK)


def test_a_long() -> None:
    found = prices(LONG, 99.9, 100.0, 4.0, definition(tick_size=0.5, lot_size=0.1))
    # The zone reaches a quarter of 4 below the ask; from its middle, 99.5, the stop lies 6 below, the targets above.
    assert found == Plan(99.0, 100.0, 93.5, [105.5, 111.5, 117.5], 2.0, 16.6)


def test_a_short_is_its_mirror() -> None:
    found = prices(SHORT, 100.0, 100.1, 4.0, definition(tick_size=0.5, lot_size=0.1))
    assert found == Plan(100.0, 101.0, 106.5, [94.5, 88.5, 82.5], 2.0, 16.6)


def test_the_stop_lies_on_the_tick_beyond_its_distance() -> None:
    assert prices(LONG, 99.9, 100.0, 4.0, definition(tick_size=4.0)).stop == 92.0
    assert prices(SHORT, 100.0, 100.1, 4.0, definition(tick_size=4.0)).stop == 108.0


def test_without_a_definition_prices_are_as_they_come_and_there_is_no_size() -> None:
    found = prices(LONG, 99.9, 100.0, 1.0)
    assert (found.entry_low, found.entry_high, found.size) == (99.75, 100.0, None)


def test_sizes() -> None:
    # 100 of risk over a distance of 5.
    known: dict[str, Any] = {"tick_size": None, "lot_size": None}
    atr = 5 / 1.5
    assert prices(LONG, 99.9, 100.0, atr, definition(**known)).size == pytest.approx(20.0)
    assert prices(LONG, 99.9, 100.0, atr, definition(**known, contract_multiplier=0.01)).size == pytest.approx(2_000)
    assert prices(LONG, 99.9, 100.0, atr, definition(**known, inverse=True)).size is None
    assert prices(LONG, 99.9, 100.0, atr, definition(tick_size=None, lot_size=3.0)).size == 18.0
    assert prices(LONG, 99.9, 100.0, 0.1, definition(tick_size=None, lot_size=0.1)).size == 666.6


@QUICK
@given(
    direction=st.sampled_from([LONG, SHORT]),
    middle=st.floats(1e-6, 1e6),
    spread=st.floats(1e-6, 1e-3),
    rough=st.floats(1e-4, 0.1),
    digits=st.integers(0, 10),
    base=st.sampled_from([1, 2, 5, 25]),
)
def test_prices_lie_on_the_tick_and_on_the_right_sides_or_are_vetoed(
    direction: Opinion, middle: float, spread: float, rough: float, digits: int, base: int
) -> None:
    tick = float(Decimal(base).scaleb(-digits))
    assume(tick > 1e-12 * middle)  # a float holds no more digits
    bid, ask = (round(middle * (1 + side * spread) / tick) * tick for side in (-1, 1))
    known = definition(tick_size=tick, lot_size=0.001)
    found = prices(direction, bid, ask, middle * rough, known)
    everything = [found.entry_low, found.entry_high, found.stop, *found.targets]
    for price in everything:
        assert Decimal(repr(price)) % Decimal(repr(tick)) == 0
    if vetoes(vector(1, RISING), direction, found, known, RISK):
        return
    sign = 1 if direction is LONG else -1
    near, far = (found.entry_low, found.entry_high)[::sign]
    path = [sign * price for price in (found.stop, near, *found.targets)]
    assert path == sorted(set(path))
    assert sign * near <= sign * far < sign * found.targets[0]
    assert min(everything) > 0
    assert found.risk_reward > 0
    assert found.size is not None
    assert found.size > 1e9 or Decimal(repr(found.size)) % Decimal("0.001") == 0
    entry = (found.entry_low + found.entry_high) / 2
    assert 0 < found.size * abs(entry - found.stop) <= RISK.risk_per_trade * (1 + 1e-5)


STEPS = st.sampled_from([5e-324, 1e-300, 1e-18, 1e-9, 0.1, 9.9e14, 9.9e17, 1.7e308]) | st.floats(5e-324, 1.7e308)
"""What JSON can hold above zero."""
PRICES = st.sampled_from([1e-18, 1e-9, 0.1, 100.0, 9.9e14]) | st.floats(1e-18, 9.9e14)


@QUICK
@given(
    steps=st.fixed_dictionaries({}, optional={"tick_size": STEPS, "lot_size": STEPS, "contract_multiplier": STEPS}),
    bid=PRICES,
    spread=st.floats(0, 1),
    atr=STEPS.filter(lambda atr: atr < 1e15),
)
@example({"contract_multiplier": 5e-324}, 100.0, 0.001, 0.1)
@example({"contract_multiplier": 1e-300}, 1e-9, 0.001, 1e-10)
@example({"tick_size": 1e-18, "lot_size": 1e-18, "contract_multiplier": 1e-18}, 1e-18, 0.001, 5e-324)
def test_whatever_definition_can_be_read_there_is_a_plan(
    steps: dict[str, Any], bid: float, spread: float, atr: float
) -> None:
    try:
        known = decode_event(encode(definition(**steps)))
    except DecodeError:
        return
    assert isinstance(known, InstrumentDefinition)
    for direction in (LONG, SHORT):
        found = prices(direction, bid, bid * (1 + spread), atr, known)
        vetoes(vector(1, RISING), direction, found, known, RISK)
        told = [found.entry_low, found.entry_high, found.stop, *found.targets, found.risk_reward, found.size or 0.0]
        assert all(isfinite(number) for number in told)


@pytest.mark.parametrize("name", ["tick_size", "lot_size", "contract_multiplier"])
@pytest.mark.parametrize("step", [5e-324, 1e-19, 1e18, 1.7e308])
def test_a_step_that_no_market_has_is_refused(name: str, step: float) -> None:
    odd: dict[str, Any] = {name: step}
    with pytest.raises(DecodeError, match=rf"\$\.{name}"):
        decode_event(encode(definition(**odd)))


class TestVetoes:
    def said(self, *, opinion: Opinion = LONG, atr: float = 2.0, spread: float = 1.0, **more: str) -> list[str]:
        known = definition(**more)
        found = prices(opinion, 99.9, 100.0, atr, known)
        return vetoes(vector(1, {**RISING, "spread_bps": spread}), opinion, found, known, RISK)

    def test_none(self) -> None:
        assert self.said() == []

    def test_what_is_not_known(self) -> None:
        assert self.said(opinion=LONG._replace(unknown=["tfi"])) == ["tfi is not known"]

    @pytest.mark.parametrize("name", ["ema_20", "ema_50", "atr_14", "rsi_14", "tfi", "obi_10", "microprice_bps"])
    def test_what_is_tainted(self, name: str) -> None:
        tainted = vector(1, RISING, tainted={name: "a hole", "vwap": "not used"})
        found = prices(LONG, 99.9, 100.0, 2.0, definition())
        assert vetoes(tainted, LONG, found, definition(), RISK) == [f"{name} is tainted: a hole"]

    def test_a_spread_too_wide(self) -> None:
        assert self.said(spread=10.0) == []
        assert self.said(spread=10.01) == ["spread of 10.01 bps is above 10"]

    @pytest.mark.parametrize("status", ["halted", "delisted"])
    def test_an_instrument_that_is_not_traded(self, status: str) -> None:
        assert self.said(status=status) == [f"the instrument is {status}"]

    @pytest.mark.parametrize(("direction", "atr"), [("long", 0.01), ("short", 0.01), ("long", 90.0), ("short", 30.0)])
    def test_prices_that_do_not_stand_apart(self, direction: Direction, atr: float) -> None:
        (reason,) = self.said(opinion=Opinion(direction, 0.5, [], []), atr=atr)
        assert reason == "stop, entry and targets do not stand apart: the average true range is too small or too large"

    def test_less_than_a_lot(self) -> None:
        known = definition(lot_size=1_000.0)
        found = prices(LONG, 99.9, 100.0, 2.0, known)
        assert vetoes(vector(1, RISING), LONG, found, known, RISK) == ["a risk of 100 does not pay for a lot"]
