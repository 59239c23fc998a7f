"""Open interest, liquidations and the cascade, by examples that can be counted by hand."""

import numpy as np
import pytest

from operators.bars import OpenBar
from operators.feature import Close, Moment, Told
from operators.indicators.positions import Positions, quadrant
from schemas.time import MINUTE
from tests.operators.support import START

INTEREST, CHANGE, QUADRANT, LONGS, LONG_NOTIONAL, SHORTS, SHORT_NOTIONAL, CASCADE = 0, 1, 3, 4, 5, 6, 7, 8


def close(
    i: int, price: float, interest: float | None, forced: tuple[int, float, int, float] | None = None,
    told: int | None = None,
) -> Close:  # fmt: skip
    """The ``i``th close, and in which minute open interest was told: in that one, if it is not said."""
    bar = OpenBar(START + i * MINUTE)
    bar.empty(price)
    at = 0 if interest is None else START + (i if told is None else told) * MINUTE
    return Close(
        bar, Moment(open_interest=interest, forced=forced, told=Told(open_interest=at)), {}, bar.ts_open + MINUTE
    )


@pytest.mark.parametrize(
    ("move", "change", "place"), [(1, 1, 1), (1, -1, 2), (-1, 1, 3), (-1, -1, 4), (0, 1, 0), (1, 0, 0)]
)
def test_four_quadrants(move: int, change: int, place: int) -> None:
    positions = Positions()
    assert positions.update(close(0, 100.0, 50.0)) == (50.0, *(None,) * 8)
    found = positions.update(close(1, 100.0 + move, 50.0 + change))
    assert found[CHANGE] == pytest.approx(change / 50)
    assert found[QUADRANT] == place == quadrant(move, change)


def test_a_change_needs_both_ends() -> None:
    positions = Positions()
    told = [positions.update(close(i, 100.0, x))[CHANGE] for i, x in enumerate((None, 5.0, None, 6.0, 6.0, 0.0, 3.0))]
    assert told == [None, None, None, None, 0.0, -1.0, None]


def test_what_was_told_before_has_not_changed_because_nothing_was_told_since() -> None:
    positions = Positions()
    told = [positions.update(close(i, 100.0 + i, 5.0 + i // 2, told=i // 2 * 2)) for i in range(4)]
    assert [found[CHANGE] for found in told] == [None, None, pytest.approx(0.2), None]
    assert [found[QUADRANT] for found in told] == [None, None, 1.0, None]


def test_after_a_hole_what_is_usual_is_learnt_anew() -> None:
    positions = Positions()
    for i in range(60):
        at = i + 1_440 * (i >= 30)
        found = positions.update(close(at, 100.0 + 0.1 * (i % 2), 100.0, (i, float(i), i, float(i))))
        assert (found[CASCADE] is None) == (i <= 20 or 30 <= i <= 50)


def test_liquidations_are_those_of_the_bar_and_none_until_the_venue_tells_of_one() -> None:
    positions = Positions()
    found = [
        positions.update(close(i, 100.0, None, forced))[LONGS : SHORT_NOTIONAL + 1]
        for i, forced in enumerate((None, (2, 50.0, 0, 0.0), (2, 50.0, 1, 7.0), (5, 80.0, 1, 7.0)))
    ]
    assert found == [(None,) * 4, (2.0, 50.0, 0.0, 0.0), (0.0, 0.0, 1.0, 7.0), (3.0, 30.0, 0.0, 0.0)]


def test_after_a_bar_that_was_left_out_nothing_is_counted_that_may_be_of_it() -> None:
    positions = Positions()
    positions.update(close(0, 100.0, 5.0, (1, 10.0, 0, 0.0)))
    after = positions.update(close(2, 100.0, 6.0, (4, 40.0, 0, 0.0)))
    assert (after[CHANGE], after[LONGS : SHORT_NOTIONAL + 1]) == (None, (None,) * 4)
    then = positions.update(close(3, 100.0, 6.0, (5, 41.0, 0, 0.0)))
    assert (then[CHANGE], then[LONGS : SHORT_NOTIONAL + 1]) == (0.0, (1.0, 1.0, 0.0, 0.0))


@pytest.mark.parametrize(
    ("price", "interest", "forced", "expected"),
    [
        (95.0, 90.0, (20, 900.0, 20, 20.0), -1.0),
        (105.0, 90.0, (20, 20.0, 20, 900.0), 1.0),
        (95.0, 110.0, (20, 900.0, 20, 20.0), 0.0),  # interest rises
        (100.1, 90.0, (20, 900.0, 20, 20.0), 0.0),  # the price hardly moves
        (95.0, 90.0, (20, 21.0, 20, 900.0), 0.0),  # the other side is thrown out
    ],
)
def test_a_cascade(price: float, interest: float, forced: tuple[int, float, int, float], expected: float) -> None:
    positions = Positions()
    for i in range(22):
        quiet = (i, float(i), i, float(i))
        found = positions.update(close(i, 100.0 + 0.1 * (i % 2), 100.0, quiet))
        assert found[CASCADE] == (0.0 if i > 20 else None)
    assert positions.update(close(22, price, interest, forced))[CASCADE] == expected


@pytest.mark.parametrize("forced", range(3, 31))
def test_no_cascade_without_a_liquidation(forced: int) -> None:
    """However many there were, and wherever in the ring, before 20 bars without one."""
    sizes = np.random.default_rng(forced).uniform(1.0, 1e6, forced).cumsum().tolist()
    totals = [*sizes, *sizes[-1:] * 22]
    positions = Positions()
    for i, total in enumerate(totals):
        fall = max(0, i - forced - 19)
        found = positions.update(close(i, 60_000.0 - 60.0 * fall, 1e5 - 100.0 * fall, (i, total, i, total)))
        assert found[CASCADE] in (None, 0.0)
    assert found[CASCADE] == 0.0
