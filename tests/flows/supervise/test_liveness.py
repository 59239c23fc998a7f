"""For whom heartbeats are written, with a clock and a broker of the test's own."""

from collections.abc import Mapping, Sequence

import msgspec

from flows.supervise.liveness import Liveness
from schemas.market import CONTROL, Heartbeat
from schemas.vitals import PartitionVitals, Vitals
from tests.vitals_samples import NOW, SECOND, TS, engine, key

END = 100


class Log:
    """Partition 0 as seen by an engine, at a second of the test's; every key spoke last at second 0."""

    def __init__(self) -> None:
        self.away, self.end = False, END
        self.liveness = Liveness(10.0)
        self._found = engine({CONTROL: key(), "sim:A": key(), "sim:B": key()})

    def ends(self, partitions: Sequence[int]) -> Mapping[int, int]:
        return {} if self.away else dict.fromkeys(partitions, self.end)

    def at(self, second: int, *, control: int = 0, read: int = END) -> list[Heartbeat]:
        """What is written at ``second``; the control key was heard at ``control``, all is read up to ``read``."""
        now = NOW + second * SECOND
        assert self._found.engine is not None
        self._found.engine.keys[CONTROL].seen = NOW + control * SECOND
        self._found.partitions["market.events[0]"] = PartitionVitals(following=read, end=read, lag_ms=0)
        found: Vitals = msgspec.structs.replace(self._found, clock=now)
        return self.liveness.heartbeats([found], self.ends, now)


def first(log: Log, start: int, end: int) -> int | None:
    """The first second with a heartbeat."""
    return next((second for second in range(start, end) if log.at(second)), None)


def test_the_silent_are_told_as_not_connected_and_their_time_runs_on() -> None:
    log = Log()
    assert first(log, 0, 100) == 11
    beats = log.at(12, control=12)
    assert [(beat.instrument_id, beat.source, beat.connected) for beat in beats] == [
        ("sim:A", "watchdog", False),
        ("sim:B", "watchdog", False),
    ]
    assert {beat.ts_event for beat in beats} == {beat.ts_received for beat in beats} == {TS + 12 * SECOND}
    assert {beat.instrument_id for beat in log.at(13)} == {"sim:A", "sim:B", CONTROL}


def test_silence_counts_only_while_the_broker_answers() -> None:
    log = Log()
    assert first(log, 0, 8) is None
    log.away = True
    assert log.liveness.check().ok
    assert first(log, 8, 40) is None
    assert log.liveness.check().detail == "no answer on market.events[0]"
    log.away = False
    assert first(log, 40, 100) == 49
    assert log.liveness.check().ok


def test_what_the_engine_has_not_read_yet_may_be_a_word_of_theirs() -> None:
    log = Log()
    log.end = END + 1
    assert first(log, 0, 30) is None
    log.end = END
    assert first(log, 30, 100) == 30


def test_others_may_write_into_the_partition_all_the_time() -> None:
    """What the engine has read by now was the end a moment ago; that is how old the silence is known to be."""
    log, told = Log(), list[int]()
    for second in range(30):
        log.end = END + 5 * second
        if log.at(second, read=log.end - 3):
            told.append(second)
    assert told == [*range(12, 30)]


def test_an_engine_that_stands_still_proves_no_silence() -> None:
    log = Log()
    log.end = END + 1
    assert first(log, 0, 60) is None


def test_it_can_be_turned_off() -> None:
    log = Log()
    log.liveness = Liveness(0.0)
    assert first(log, 0, 100) is None


def test_a_partition_of_its_own_that_is_behind_holds_nobody_else() -> None:
    found = engine({CONTROL: key(20.0), "sim:A": key(20.0), "sim:B": key(20.0, partition=1)})
    found.partitions["market.events[1]"] = PartitionVitals(following=3, end=9, lag_ms=40)
    liveness = Liveness(10.0)
    assert liveness.heartbeats([found], lambda asked: dict.fromkeys(asked, END), NOW) == []
    later = msgspec.structs.replace(found, clock=NOW + 9 * SECOND)
    beats = liveness.heartbeats([later], lambda asked: dict.fromkeys(asked, END), NOW + 9 * SECOND)
    assert {beat.instrument_id for beat in beats} == {"sim:A", CONTROL}
