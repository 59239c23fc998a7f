"""A short form of `python -m benchmarks.drift`."""

from benchmarks.drift import delays, false_days


def test_a_stationary_market_raises_at_most_one_alert_a_month() -> None:
    told, _ = false_days(3, inputs=8, days=30, instruments=2)
    assert told.sum() <= 1


def test_a_shift_of_what_forgets_fast_is_told_within_a_day() -> None:
    found = delays(3, inputs=20, instruments=3)
    assert [found[time] for time in sorted(found)[:3]] == [[1], [1], [1]]
