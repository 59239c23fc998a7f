"""The watch over the time of day."""

from flows.clock import ClockWatch


def test_a_clock_that_is_set_back_is_noticed_once() -> None:
    wall, monotonic = [1_000.0], [5.0]
    watch = ClockWatch(lambda: wall[0], lambda: monotonic[0])
    seen = []
    for passed, stepped in [(1.0, 0.0), (1.0, 3_600.0), (1.0, -3_600.0), (7_200.0, 0.0), (1.0, -2.0)]:
        monotonic[0] += passed
        wall[0] += passed + stepped
        seen.append(watch.set_back_s())
    assert seen == [0.0, -3_600.0, 3_600.0, 0.0, 2.0]
