"""What is usual at every close: whole days, thresholds of all timeframes together, nothing of too short a span."""

from pathlib import Path

import numpy as np

from models.closes import Closes, day_of, everyday, read_closes, thinned, write_closes
from models.drift import bin_of, counts_of, psi
from schemas.time import DAY, MINUTE

_5M = 5 * MINUTE


def made(days: int) -> Closes:
    """Of two instruments at 5m, and one of them at 15m too; a column that is never known, and one that often is not."""
    random = np.random.default_rng(days)
    rows = [(name, "5m", ts) for ts in range(_5M, days * DAY + 1, _5M) for name in ("a", "b")]
    rows += [("a", "15m", ts) for ts in range(3 * _5M, days * DAY + 1, 3 * _5M)]
    x = random.normal(size=(len(rows), 3)).astype(np.float32)
    x[:, 1] = np.nan
    x[::3, 2] = np.nan
    instrument, timeframe, ts = ([row[at] for row in rows] for at in range(3))
    return Closes(np.array(instrument, object), np.array(timeframe, object), np.array(ts), ["one", "never", "some"], x)


def test_closes_are_read_as_they_were_written(tmp_path: Path) -> None:
    closes = made(2)
    write_closes(tmp_path / "one", closes)
    write_closes(tmp_path / "two", closes)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    again = read_closes((tmp_path / "one").read_bytes())
    assert again.inputs == closes.inputs
    for name in ("instrument", "timeframe", "ts_close", "x"):
        ours, theirs = getattr(again, name), getattr(closes, name)
        assert np.array_equal(ours, theirs, equal_nan=name == "x")


def test_a_day_ends_with_the_close_at_midnight_and_long_spans_lose_whole_days() -> None:
    assert [day_of(DAY), day_of(DAY + 1)] == [0, 1]
    assert thinned(0, 90 * DAY, 5, [MINUTE, _5M, 3 * _5M]) == 2  # 302,400 closes
    assert thinned(0, 80 * DAY, 5, [MINUTE, _5M, 3 * _5M]) == 1


def test_windows_are_days_of_the_instruments_of_the_model() -> None:
    closes = made(30)
    whole = everyday(closes, ["a", "b"], ["one", "never", "some", "direction"], 30 * DAY, seed=1)
    assert {name: one.window for name, one in whole.items()} == {"15m": 88, "5m": 528}
    five = whole["5m"]
    assert set(five.reference) == set(five.drift) == {"one", "some"}  # direction is the candidate's
    assert five.reference["some"].missing > 0
    assert sum(counts_of(five.reference["one"])) == 30 * 576
    (alone,) = {one.window for name, one in everyday(closes, ["b"], ["one"], 30 * DAY, seed=1).items()}
    assert alone == 264
    fresh = np.random.default_rng(9).normal(size=576)
    for shift, beyond in ((0.0, False), (1.0, True)):
        bins = bin_of(five.reference["one"], fresh + shift)
        index = psi(counts_of(five.reference["one"]), np.bincount(bins, minlength=11).tolist())
        assert (index > five.drift["one"]["psi"]) == beyond


def test_of_a_few_days_nothing_is_usual() -> None:
    assert everyday(made(9), ["a", "b"], ["one"], 9 * DAY, seed=1) == {}
    assert everyday(made(20), ["a", "b"], ["one"], 9 * DAY, seed=1) == {}  # nothing from after the training counts
