"""A process' pulse."""

import threading
from pathlib import Path

from flows.vitals import Lag, Pulse
from sinks.vitals import read_vitals
from tests.api.serving import wait_for

MS = 1_000_000


def test_lag_is_not_known_before_the_end_as_of_the_start_was_reached() -> None:
    lag = Lag(0, 1_000, 0)
    lag.moved(500, 1_200, 10 * MS)
    assert (lag.vitals(20 * MS).lag_ms, lag.vitals(20 * MS).end) == (None, 1_200)
    lag.moved(1_000, 1_400, 100 * MS)
    assert lag.vitals(110 * MS).lag_ms == 100
    lag.moved(1_400, 1_400, 150 * MS)
    assert lag.vitals(9_000 * MS).lag_ms == 0


def test_lag_is_how_long_ago_there_was_no_more_than_is_read() -> None:
    lag = Lag(100, 100, 0)
    assert lag.vitals(5_000 * MS).lag_ms == 0
    lag.moved(100, 300, 1_000 * MS)
    assert lag.vitals(4_000 * MS).lag_ms == 3_000
    for second in range(1, 60):  # a hundred a second come, and are read two seconds later
        lag.moved(100 * second, 100 * second + 200, (1_000 + 1_000 * second) * MS)
    seen = lag.vitals(60_000 * MS).lag_ms
    assert seen is not None
    assert 2_000 <= seen <= 3_000


def test_a_turn_is_counted_where_sources_and_sinks_ask_whether_to_stop(tmp_path: Path) -> None:
    stop = threading.Event()
    with Pulse(tmp_path, "store", stop=stop.is_set) as pulse:
        (first,) = read_vitals(tmp_path)
        assert (first.state, first.turns, first.resume_ms) == ("starting", 0, None)
        pulse.at_work()
        assert [pulse.stopped() for _ in range(3)] == [False] * 3
        now = pulse.vitals()
        assert (now.state, now.turns) == ("running", 3)
        assert now.resume_ms is not None
        assert now.resume_ms > 0
        with pulse.waiting("database"):
            assert pulse.vitals().waits_for == "database"
        assert (pulse.vitals().waits_for, pulse.vitals().turns) == (None, 4)
        stop.set()
        assert pulse.stopped()
        assert pulse.vitals().state == "stopping"
    (last,) = read_vitals(tmp_path)
    assert (last.state, last.turns) == ("stopped", 5)


def test_it_is_written_down_while_the_thread_works(tmp_path: Path) -> None:
    with Pulse(tmp_path, "api") as pulse:
        pulse.turn()
        wait_for(lambda: read_vitals(tmp_path)[0].turns == 1)


def test_a_directory_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with Pulse(tmp_path / "file" / "vitals", "api") as pulse:
        assert not pulse.written
