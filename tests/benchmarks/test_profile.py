"""What the profile times is there, under the names that it knows it by."""

import pytest

from benchmarks.jobs.profile import _TIMED, _part_of, _Profile


@pytest.mark.parametrize("timed", _TIMED, ids=lambda timed: timed[2])
def test_what_is_timed_is_there(timed: tuple[str, object, str]) -> None:
    _, owner, attribute = timed
    kind, _, method = attribute.rpartition(":")
    assert callable(getattr(_part_of(owner) if kind else owner, method))


def test_own_time_is_without_that_of_what_is_called() -> None:
    profile = _Profile()
    inner = profile.timed("inner", lambda: sum(range(200_000)))
    outer = profile.timed("outer", inner)
    outer()
    assert profile.calls == {"inner": 1, "outer": 1}
    assert 0 <= profile.own["outer"] < profile.own["inner"]
