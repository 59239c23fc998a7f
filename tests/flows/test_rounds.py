"""A round that failed is tried again before the next slot, and not for ever."""

from datetime import UTC, datetime, timedelta

from flows.cron import Cron
from flows.rounds import Rounds

NOW = datetime(2024, 5, 1, 12, 0, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_a_round_begins_when_what_the_last_one_decided_is_in_force() -> None:
    """Its activations count from a minute and a half on at the latest."""
    often, monthly = Rounds(Cron("* * * * *"), NOW), Rounds(Cron("0 3 1 * *"), NOW)
    for rounds in (often, monthly):
        rounds.done(NOW, NOW)
    assert often.due == datetime(2024, 5, 1, 12, 4, tzinfo=UTC)
    assert monthly.due == datetime(2024, 6, 1, 3, 0, tzinfo=UTC)


def test_the_first_round_may_begin_at_once() -> None:
    assert Rounds(Cron("0 3 1 * *"), NOW, at_once=True).due == NOW
    assert Rounds(Cron("0 3 1 * *"), NOW).due == datetime(2024, 6, 1, 3, 0, tzinfo=UTC)


def test_a_long_round_is_not_followed_by_another_at_once() -> None:
    rounds = Rounds(Cron("* * * * *"), NOW)
    rounds.done(NOW - 10 * MINUTE, NOW)
    assert rounds.due == datetime(2024, 5, 1, 12, 41, tzinfo=UTC)


def test_a_round_that_failed_is_tried_again_after_longer_and_longer_whiles() -> None:
    rounds = Rounds(Cron("0 3 1 * *"), NOW)
    slot, waits = rounds.due, []
    for _ in range(8):
        rounds.failed(NOW)
        waits.append((rounds.due - NOW) / MINUTE)
    assert waits[:6] == [5, 15, 45, 135, 405, 1_215]
    assert waits[6:] == [(slot - NOW) / MINUTE] * 2
    assert rounds.failures == 8
    rounds.done(NOW, NOW)
    assert (rounds.failures, rounds.due) == (0, slot)
    rounds.failed(NOW)
    assert rounds.due == NOW + 5 * MINUTE


def test_one_that_fails_at_the_next_slot_too_is_tried_again_as_the_first_was() -> None:
    rounds = Rounds(Cron("0 3 1 * *"), NOW)
    for _ in range(7):
        rounds.failed(NOW)
    slot = rounds.due
    rounds.failed(slot)
    assert (rounds.failures, rounds.due - slot) == (1, 5 * MINUTE)


def test_each_day_s_failure_is_a_first_one() -> None:
    """So it is told each day, and tried again as long as on the first."""
    rounds, failures = Rounds(Cron("0 3 * * *"), NOW), []
    for _ in range(3):
        rounds.failed(rounds.due)
        failures.append(rounds.failures)
        for _ in range(5):
            rounds.failed(rounds.due)
    assert failures == [1, 1, 1]


def test_it_is_not_tried_again_later_than_at_the_next_slot() -> None:
    rounds = Rounds(Cron("*/2 * * * *"), NOW)
    rounds.failed(NOW)
    assert rounds.due == datetime(2024, 5, 1, 12, 2, tzinfo=UTC)
