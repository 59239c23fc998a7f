"""States of small objects, and the ways from older versions of them."""

from typing import Any

import pytest

from operators.errors import StateError
from operators.state import Slotted
from schemas.layouts import LayoutError


class Count(Slotted):
    """Version 1 counted in pairs, version 2 had no ``last``."""

    __slots__ = ("last", "seen")
    VERSION = 3
    MIGRATIONS = {1: lambda state: [2 * state[0]], 2: lambda state: [None, *state]}  # noqa: RUF012, a constant

    def __init__(self) -> None:
        self.last: float | None = None
        self.seen = 0


@pytest.mark.parametrize(("stored", "expected"), [([1, 4], (None, 8)), ([2, 8], (None, 8)), ([3, 2.5, 8], (2.5, 8))])
def test_an_older_state_is_brought_up(stored: list[Any], expected: tuple[float | None, int]) -> None:
    count = Count()
    count.restore(stored)
    assert (count.last, count.seen) == expected
    assert count.state() == [3, *expected]


def test_what_cannot_be_taken_up_is_refused() -> None:
    with pytest.raises(LayoutError, match="Count state has version 4, newer than 3"):
        Count().restore([4, None, 1])
    with pytest.raises(LayoutError, match=r"Count state has version 0, .* knows no way from there"):
        Count().restore([0, 1])
    with pytest.raises(StateError, match="Count state has 3 values, not 2"):
        Count().restore([3, None, 1, 1])
