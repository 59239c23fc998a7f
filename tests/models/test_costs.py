"""Fees by tier, slippage by size, and what is refused."""

from typing import Any

import pytest

from models.costs import Costs
from models.errors import ModelError


def test_a_tier_begins_where_it_says_and_the_listed_fee_is_that_of_the_first() -> None:
    costs = Costs(taker_fees=((0.0, 5e-4), (10.0, 4e-4)))
    assert [Costs(taker_fees=costs.taker_fees, traded=traded).taker_fee() for traded in (0.0, 9.9, 10.0)] == [
        5e-4, 5e-4, 4e-4,
    ]  # fmt: skip
    assert costs.taker_fee(1e-3) == 1e-3
    assert Costs(taker_fees=costs.taker_fees, traded=11.0).taker_fee(1e-3) == 4e-4


def test_slippage_grows_with_size_but_less_than_in_proportion() -> None:
    costs = Costs()
    assert 0 < costs.slippage_of(1e4) < costs.slippage_of(2e4) < 2 * costs.slippage_of(1e4)


@pytest.mark.parametrize(
    "wrong", [{"half_spread": -1e-4}, {"notional": 0.0}, {"taker_fees": ()}, {"taker_fees": ((0.0, 1.0), (0.0, 2.0))}]
)
def test_what_cannot_be_is_named(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(ModelError, match=f"costs.{name}"):
        Costs(**wrong)
