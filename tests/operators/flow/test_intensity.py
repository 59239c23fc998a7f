"""How fast trades follow each other, beside the plain definition."""

from collections import Counter

import pytest

from schemas.time import SECOND
from tests.data import needs_data
from tests.operators.flow.support import TAPES, inside, recorded
from tests.operators.support import beat, beats, in_order, run, trade, vectors

NAMES = ("trade_rate", "trade_rate_max", "trade_seconds", "seconds_since_trade")


@needs_data
@pytest.mark.parametrize("name", TAPES)
def test_on_real_tapes(name: str) -> None:
    tape = recorded(name)
    times = [event.ts_event for event in tape.trades]
    for vector in tape.vectors:
        begin, end = inside(vector)
        within = [ts for ts in times if begin <= ts < end]
        wanted = [
            len(within) / ((end - begin) / SECOND),
            max(Counter(ts // SECOND for ts in within).values()),
            len({ts // SECOND for ts in within}) / ((end - begin) / SECOND),
            (end - within[-1]) / SECOND,
        ]
        assert [vector.features[name] for name in NAMES] == pytest.approx(wanted, rel=1e-9)


def test_the_time_since_the_last_trade_reaches_over_closes_but_not_over_silence() -> None:
    trades = [trade(t, 100.0, number=i + 1) for i, t in enumerate((1, 3.5, 3, 100, 130, 245, 330))]
    out = run(in_order(trades, beats(0, 250), [beat(275)], beats(275, 370)))
    assert [tuple(vector.features[name] for name in NAMES) for vector in vectors(out)] == [
        (3 / 60, 2.0, 2 / 60, 56.5), (1 / 60, 1.0, 1 / 60, 20.0), (1 / 60, 1.0, 1 / 60, 50.0), (0.0, 0.0, 0.0, 110.0),
        (1 / 60, 1.0, 1 / 60, None), (1 / 60, 1.0, 1 / 60, 30.0),
    ]  # fmt: skip


def test_an_empty_bar_has_a_rate_of_zero_and_a_running_pause() -> None:
    out = run(in_order([trade(1, 100.0, number=1), trade(2, 100.0, 0.5, number=2, market=False)], beats(0, 130)))
    assert [tuple(vector.features[name] for name in NAMES) for vector in vectors(out)] == [
        (1 / 60, 1.0, 1 / 60, 59.0), (0.0, 0.0, 0.0, 119.0),
    ]  # fmt: skip
