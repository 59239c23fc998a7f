"""Pace and bookkeeping of an ingest."""

from collections.abc import Iterator
from typing import Self

import pytest

from flows import ingest as module
from flows.ingest import ingest, letter_of, paced
from schemas.market import Heartbeat, MarketEvent
from schemas.time import SECOND
from schemas.topics import Outgoing
from sources.malformed import Malformed

_START = 1_723_161_600 * SECOND


def beat(second: float) -> Heartbeat:
    """A record received so long after the start."""
    ts = _START + round(second * SECOND)
    return Heartbeat(instrument_id="sim:A/B", ts_event=ts, ts_received=ts, source="test")


class Clock:
    """Time that moves only by sleeping."""

    def __init__(self, wall: int = _START) -> None:
        self.now = 100.0
        self._offset = wall - round(100.0 * SECOND)

    def monotonic(self) -> float:
        """Seconds."""
        return self.now

    def time_ns(self) -> int:
        """Nanoseconds since 1970."""
        return self._offset + round(self.now * SECOND)

    def sleep(self, seconds: float) -> None:
        """Move on."""
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """In place of the machine's."""
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def when(clock: Clock, items: Iterator[object]) -> list[float]:
    """Seconds after the beginning at which each item came."""
    begin = clock.now
    return [round(clock.now - begin, 1) for _ in items]


def test_times_the_recorded_speed(clock: Clock) -> None:
    """Twice as fast; what was received before ``since`` is not held back."""
    items = [beat(second) for second in (-1000, 0, 2, 2, 6)]
    paces = paced(items, 2.0, flush=lambda: None, stop=lambda: False, since=_START)
    assert when(clock, paces) == [0.0, 0.0, 1.0, 1.0, 3.0]


def test_live_catches_up_and_then_goes_with_the_clock(clock: Clock) -> None:
    """A past of 100 s at 10 times its speed, and nothing before its time."""
    items = [beat(second) for second in (-100, -50, 0, 20, 30)]
    paces = paced(items, 10.0, flush=lambda: None, stop=lambda: False, live=True)
    assert when(clock, paces) == [0.0, 5.0, 10.0, 20.0, 30.0]


def test_what_is_malformed_has_no_part_in_the_pace(clock: Clock) -> None:
    """However wrong its time is."""
    wrong = [
        Malformed(feed="x", offset=1, raw=b"?", reason="?", ts_received=_START + ahead * SECOND)
        for ahead in (3_600, -3_600)
    ]
    paces = paced([beat(0), wrong[0], beat(1), wrong[1], beat(2)], 1.0, flush=lambda: None, stop=lambda: False)
    assert when(clock, paces) == [0.0, 0.0, 1.0, 1.0, 2.0]


def test_what_waits_is_flushed_before_a_pause(clock: Clock) -> None:
    """So that a slow recording is not also a late one; and a stop ends the pause."""
    flushed: list[float] = []
    items = [beat(0), beat(1), beat(3_600)]
    stopping = paced(
        items, 1.0, flush=lambda: flushed.append(clock.now), stop=lambda: clock.now > 150.0
    )  # fmt: skip
    assert len(list(stopping)) == 3
    assert len(flushed) == 2
    assert clock.now < 151.0


def test_what_is_malformed_goes_to_the_dead_letters() -> None:
    """Under the place where it was found, and the same every time it is read."""
    written: list[MarketEvent] = []
    letters: list[Outgoing] = []

    class Writer:
        """Keeps what it is given."""

        write, reject = staticmethod(written.append), staticmethod(letters.append)

        def flush(self) -> None:
            """Nothing waits."""

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *failure: object) -> None:
            """Nothing to end."""

    bad = Malformed(feed="tape.gz", offset=7, raw=b"\x00", reason="not JSON", ts_received=_START)
    counts = ingest([beat(0), bad, beat(1)], Writer())
    assert counts == {"heartbeat": 2, "malformed": 1}
    assert letters == [letter_of(bad)]
    assert b'"topic":"tape.gz","partition":0,"offset":7,' in letters[0].value
