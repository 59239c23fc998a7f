"""What heartbeats prove, and what their absence says."""

from hypothesis import given
from hypothesis import strategies as st

from operators.listening import Listening
from tests.operators.support import QUICK


def test_nothing_is_heard_before_the_first_heartbeat() -> None:
    listening = Listening(5)
    assert listening.heard(0, 10) == "nothing"
    assert listening.beat(10, connected=True, source="a") is None
    assert (listening.first, listening.now) == (10, 10)
    assert [listening.before(ts) for ts in (9, 10, 11)] == [False, True, True]
    assert listening.heard(0, 10) == "nothing"
    assert listening.heard(10, 11) == "all"


def test_a_pause_longer_than_the_timeout_is_a_silence() -> None:
    listening = Listening(5)
    assert [listening.beat(ts, connected=True, source="a") for ts in (0, 5, 11, 12)] == [None, None, (5, 11), None]
    assert [listening.heard(a, b) for a, b in ((0, 5), (4, 6), (5, 11), (6, 7), (10, 12), (11, 12))] == [
        "all", "some", "nothing", "nothing", "some", "all",
    ]  # fmt: skip


def test_a_disconnection_is_told_when_it_begins_and_when_it_ends() -> None:
    listening = Listening(5)
    told = [listening.beat(ts, connected=ts in {0, 4}, source="a") for ts in range(5)]
    assert told == [None, (0, 1), None, None, (0, 4)]
    assert listening.connected
    assert listening.heard(0, 4) == "nothing"


def test_a_disconnection_that_goes_on_is_not_forgotten() -> None:
    listening = Listening(5)
    for ts in range(5):
        told = listening.beat(ts, connected=ts in {0, 4}, source="a")
        listening.forget(ts)
    assert told == (0, 4)


def test_a_first_heartbeat_without_connection() -> None:
    listening = Listening(5)
    assert listening.beat(0, connected=False, source="a") is None
    assert listening.beat(1, connected=True, source="a") == (0, 1)


def test_heartbeats_of_the_past_change_nothing() -> None:
    listening = Listening(5)
    listening.beat(100, connected=True, source="a")
    before = listening.state()
    assert listening.beat(100, connected=False, source="a") is None
    assert listening.beat(7, connected=False, source="a") is None
    assert listening.state() == before


class TestSeveralIngesters:
    """As long as one of them listens, nothing is lost."""

    def test_one_that_is_cut_off_says_nothing_while_another_listens(self) -> None:
        listening = Listening(5)
        for ts in range(0, 40, 2):
            assert listening.beat(ts, connected=True, source="a") is None
            assert listening.beat(ts + 1, connected=False, source="b") is None
        assert listening.heard(0, 38) == "all"
        assert listening.connected

    def test_also_if_it_is_always_the_slower_one_that_stays(self) -> None:
        listening = Listening(5)
        for ts in range(0, 10, 2):
            assert listening.beat(ts + 1, connected=True, source="a") is None
            assert listening.beat(ts, connected=True, source="b") is None
        assert listening.beat(11, connected=False, source="a") is None
        assert listening.beat(12, connected=True, source="b") is None
        assert listening.heard(1, 12) == "all"

    def test_when_the_last_one_goes_it_is_a_silence(self) -> None:
        listening = Listening(5)
        listening.beat(0, connected=True, source="a")
        listening.beat(1, connected=True, source="b")
        assert listening.beat(2, connected=False, source="a") is None
        assert listening.beat(3, connected=False, source="b") == (1, 3)

    def test_one_that_was_not_heard_of_for_long_does_not_listen(self) -> None:
        listening = Listening(5)
        listening.beat(0, connected=True, source="a")
        listening.beat(4, connected=True, source="b")
        assert listening.beat(6, connected=False, source="b") == (4, 6)

    def test_they_do_not_pile_up(self) -> None:
        listening = Listening(5)
        for ts in range(1_000):
            listening.beat(ts, connected=True, source=f"run {ts}")
        assert len(str(listening.state())) < 200


def test_a_bar_that_was_given_covers_its_time() -> None:
    listening = Listening(5)
    assert listening.cover(0, 60) is None
    assert listening.cover(60, 120) is None
    assert listening.beat(121, connected=True, source="a") is None
    assert listening.heard(0, 121) == "all"
    assert listening.cover(180, 240) == (121, 180)
    assert listening.cover(180, 240) is None
    assert listening.heard(121, 180) == "nothing"


def test_silences_are_forgotten_when_their_time_is_closed() -> None:
    listening = Listening(1)
    for ts in range(0, 100, 10):
        listening.beat(ts, connected=True, source="a")
        listening.forget(ts - 20)
    assert listening.heard(81, 89) == "nothing"
    assert len(str(listening.state())) < 100


@QUICK
@given(beats=st.lists(st.tuples(st.integers(0, 60), st.booleans()), min_size=1, max_size=30))
def test_beside_a_plain_timeline(beats: list[tuple[int, bool]]) -> None:
    listening, timeout = Listening(5), 5
    first = now = beats[0][0]
    was = beats[0][1]
    deaf = set[int]()
    for ts, connected in beats:
        silence = listening.beat(ts, connected=connected, source="a")
        if ts > now:
            if not (connected and was and ts - now <= timeout):
                deaf |= set(range(now, ts))
                assert silence is None or (silence[1] == ts and set(range(*silence)) <= deaf)
                assert silence is not None or not (connected or was)
            else:
                assert silence is None
            now, was = ts, connected
    for start in range(0, 60, 3):
        for end in range(start + 1, min(now, start + 12) + 1):
            span, heard = set(range(start, end)), listening.heard(start, end)
            if end - 1 < first:
                assert heard == "nothing"
            elif first <= start:
                assert (heard == "all") == (not span & deaf)
                assert heard != "nothing" or span <= deaf


def test_restored_it_goes_on_as_before() -> None:
    listening, again = Listening(5), Listening(5)
    for ts in (0, 9, 30):
        listening.beat(ts, connected=True, source="a")
    again.restore(listening.state())
    assert again.beat(40, connected=False, source="a") == listening.beat(40, connected=False, source="a")
    assert again.state() == listening.state()
