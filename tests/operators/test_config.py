"""What the operators are told is checked where it is told."""

from typing import Any

import pytest

from operators.config import DeskConfig, InstrumentConfig, RiskConfig, StrategyConfig
from operators.errors import OperatorError


@pytest.mark.parametrize(
    ("kind", "wrong", "message"),
    [
        (InstrumentConfig, {"allowed_lateness": -1}, "allowed_lateness = -1: must be at least 0"),
        (InstrumentConfig, {"book_sample": 0}, "book_sample = 0: must be at least 1"),
        (InstrumentConfig, {"book_depth": 0}, "book_depth = 0: must be at least 1"),
        (StrategyConfig, {"threshold": 0.0}, "threshold = 0.0: must be above 0"),
        (StrategyConfig, {"stop_atr": float("nan")}, "stop_atr = nan: must be above 0"),
        (StrategyConfig, {"horizon_bars": 0}, "horizon_bars = 0: must be at least 1"),
        (StrategyConfig, {"targets_atr": (1.0, 3.0, 2.0)}, "targets_atr = .*: must be above 0 and rising"),
        (StrategyConfig, {"targets_atr": (0.0, 3.0, 4.0)}, "targets_atr = .*: must be above 0 and rising"),
        (RiskConfig, {"risk_per_trade": 0.0}, "risk_per_trade = 0.0: must be above 0"),
        (DeskConfig, {"max_waiting": 0}, "max_waiting = 0: must be at least 1"),
    ],
)
def test_the_message_names_the_value_and_what_would_be_right(kind: Any, wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(OperatorError, match=message):
        kind(**wrong)


def test_the_defaults_can_be_worked_with() -> None:
    assert (InstrumentConfig().book_depth, StrategyConfig().cooldown_bars) == (None, 10)
    assert RiskConfig().max_spread_bps == 10
