"""The session's cumulative volume delta beside its definition."""

import numpy as np

from operators.indicators.cvd import CumulativeVolumeDelta
from schemas.time import DAY, MINUTE

MINUTES = DAY // MINUTE


def test_as_defined() -> None:
    delta = np.random.default_rng(11).normal(0, 3, 3 * MINUTES)
    first = 700  # minutes into the first day
    cvd = CumulativeVolumeDelta()
    ours = [cvd.update(5 * DAY + minute * MINUTE, float(delta[minute])) for minute in range(first, len(delta))]
    unknown = MINUTES - first
    assert ours[:unknown] == [None] * unknown
    oracle = np.concatenate([np.cumsum(delta[day * MINUTES : (day + 1) * MINUTES]) for day in (1, 2)])
    np.testing.assert_allclose(np.array(ours[unknown:], dtype=float), oracle, rtol=1e-12)


def test_unknown_sides_make_the_rest_of_the_session_unknown() -> None:
    cvd = CumulativeVolumeDelta()
    assert cvd.update(DAY, 1.0) == 1.0
    assert [cvd.update(DAY + i * MINUTE, x) for i, x in ((1, None), (2, 1.0))] == [None, None]
    assert cvd.update(2 * DAY, -2.0) == -2.0


def test_a_session_whose_beginning_was_missed_stays_unknown() -> None:
    cvd = CumulativeVolumeDelta()
    assert cvd.update(DAY, 1.0) == 1.0
    assert [cvd.update(2 * DAY + i * MINUTE, 1.0) for i in (1, 2)] == [None, None]


def test_restored_it_goes_on_to_the_bit() -> None:
    cvd, again = CumulativeVolumeDelta(), CumulativeVolumeDelta()
    cvd.update(DAY, 0.1)
    again.restore(cvd.state())
    assert again.update(DAY + MINUTE, 0.2) == cvd.update(DAY + MINUTE, 0.2)
