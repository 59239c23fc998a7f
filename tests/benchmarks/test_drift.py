"""A short form of `python -m benchmarks.drift`."""

from benchmarks.drift import delays, false_alerts, false_alerts_of_outcomes


def test_a_stationary_market_raises_at_most_one_alert_a_month() -> None:
    alerts, _ = false_alerts([3, 4], inputs=8, days=30, instruments=2, candidates=40)
    assert len(alerts) <= 1


def test_true_probabilities_raise_at_most_one_alert_a_month_however_outcomes_overlap() -> None:
    for hours in (0.5, 8.0):
        assert len(false_alerts_of_outcomes([1, 2], days=60, candidates=40, hours=hours)) <= 2


def test_a_shift_of_what_forgets_fast_is_told_within_a_day_whenever_it_begins() -> None:
    found = delays(3, inputs=20, instruments=3, beginnings=4, most_days=2)
    assert max(found[1 / 200] + found[1 / 100]) <= 24.0
