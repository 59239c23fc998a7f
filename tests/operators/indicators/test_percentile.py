"""The rank among the last values, on every prefix."""

import numpy as np
import pytest

from operators.errors import OperatorError
from operators.indicators.percentile import Percentile
from tests.operators.indicators.support import rank_of


@pytest.mark.parametrize("decimals", [1, 9])
def test_its_definition_on_every_prefix(decimals: int) -> None:
    values = np.random.default_rng(3).normal(size=400).round(decimals)
    rank = Percentile(50, least=5)
    for i, x in enumerate(values.tolist()):
        expected = rank_of(x, values[max(0, i - 50) : i].tolist()) if i >= 5 else None
        assert rank.of(x) == (None if expected is None else pytest.approx(expected))
        rank.push(x)


def test_a_period_below_one_is_refused() -> None:
    with pytest.raises(OperatorError, match="percentile"):
        Percentile(0, least=1)
