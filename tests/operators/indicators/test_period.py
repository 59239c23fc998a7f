"""The check of periods."""

import pytest

from operators.errors import OperatorError
from operators.indicators.period import checked_period


def test_what_can_be_worked_with_is_handed_back() -> None:
    assert checked_period("X", 3, 2) == 3


def test_the_message_names_owner_value_and_what_would_be_right() -> None:
    with pytest.raises(OperatorError, match="X: period is 1, it must be at least 2"):
        checked_period("X", 1, 2)
