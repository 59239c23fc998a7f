"""The window beside numpy on every prefix."""

import numpy as np
import pytest

from operators.errors import OperatorError
from operators.indicators.window import Window


@pytest.mark.parametrize("scale", [1e-8, 1.0, 60_000.0])
@pytest.mark.parametrize("length", [1, 2, 20])
def test_as_numpy_on_every_prefix(length: int, scale: float) -> None:
    values = (scale * np.exp(np.cumsum(np.random.default_rng(length).normal(0, 0.001, 500)))).tolist()
    window = Window(length)
    for i, x in enumerate(values):
        gone = window.push(x)
        last = values[max(0, i + 1 - length) : i + 1]
        assert gone == (values[i - length] if i >= length else None)
        assert window.full == (i + 1 >= length)
        assert window.oldest == (last[0] if window.full else None)
        assert window.mean == pytest.approx(np.mean(last), rel=1e-13)
        assert window.deviation == pytest.approx(np.std(last), rel=1e-8, abs=1e-13 * scale)


def test_rounding_does_not_pile_up() -> None:
    window = Window(3)
    for x in (1e12, -1e12, 3e11, *[0.1] * 6):
        window.push(x)
    assert window.mean == pytest.approx(0.1, rel=1e-15)
    assert window.deviation < 1e-16


def test_a_length_below_one_is_refused_by_name_and_value() -> None:
    with pytest.raises(OperatorError, match="VWAP: period is 0, it must be at least 1"):
        Window(0, "VWAP")
