"""Back-off and the crash-loop limit."""

from flows.supervise.restarts import Restarts


def test_the_pause_grows_to_half_a_minute_and_is_forgotten_after_a_good_run() -> None:
    restarts = Restarts(deaths=100, within_s=1.0)
    now = 0.0
    delays = []
    for _ in range(10):
        restarts.started(now)
        now += 10.0
        delays.append(restarts.died(now))
    assert delays == [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    restarts.started(now)
    assert restarts.died(now + 60.0) == 0.0


def test_too_many_deaths_in_a_while_are_a_crash_loop() -> None:
    restarts = Restarts(deaths=3, within_s=60.0)
    restarts.started(0.0)
    assert [restarts.died(at) for at in (10.0, 50.0, 71.0)] == [0.0, 0.5, 0.0]
    assert restarts.died(90.0) is None


def test_what_is_away_is_tried_for_ever() -> None:
    restarts = Restarts(deaths=2, within_s=60.0)
    restarts.started(0.0)
    delays = [restarts.went_without(at / 10) for at in range(100)]
    assert delays[:6] == [0.0, 0.5, 1.0, 2.0, 4.0, 5.0]
    assert set(delays[6:]) == {5.0}
    assert restarts.died(10.0) is not None
