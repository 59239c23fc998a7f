"""The time-weighted spread beside its plain definition: every nanosecond counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.flow.spread import SpreadMeter, SpreadPart
from tests.data import needs_data
from tests.operators.flow.support import TAPES, inside, recorded
from tests.operators.support import QUICK, beat, beats, in_order, quote, run, trade, vectors

Moves = list[tuple[int, float, float]]
MOVES = st.lists(
    st.tuples(st.integers(0, 99), st.integers(1, 8), st.integers(9, 16)).map(
        lambda m: (m[0], float(m[1]), float(m[2]))
    ),
    max_size=40,
).map(sorted)


def plain(moves: Moves, begin: int, end: int) -> SpreadPart | None:
    """Of quotes in order: each stands until the next; one that ends with the beginning is seen and has no weight."""
    until = [*(ts for ts, _, _ in moves[1:]), end][: len(moves)]
    spans = [
        (max(ts, begin), min(to, end), ask - bid, 20_000 * (ask - bid) / (ask + bid))
        for (ts, bid, ask), to in zip(moves, until, strict=True)
        if ts < end and to >= begin
    ]
    known = sum(to - since for since, to, _, _ in spans)
    if not known:
        return None
    area, area_bps = (sum((span[1] - span[0]) * span[at] for span in spans) for at in (2, 3))
    spreads, bps = [span[2] for span in spans], [span[3] for span in spans]
    return SpreadPart(known, area, area_bps, min(spreads), max(spreads), min(bps), max(bps))


@needs_data
@pytest.mark.parametrize("name", TAPES)
def test_on_real_tapes(name: str) -> None:
    tape = recorded(name)
    moves = [(event.ts_event, event.bid_price, event.ask_price) for event in tape.quotes]
    assert len(tape.vectors) >= 4
    for vector in tape.vectors:
        part = plain(moves, *inside(vector))
        assert part is not None
        found = [
            vector.features[f"{name}_{what}"] for name in ("spread", "spread_bps") for what in ("mean", "min", "max")
        ]
        mean, mean_bps = part.area / part.known, part.area_bps / part.known
        assert found == pytest.approx(
            [mean, part.low, part.high, mean_bps, part.low_bps, part.high_bps], rel=1e-9
        )  # fmt: skip


@QUICK
@given(moves=MOVES, closes=st.lists(st.integers(1, 120), max_size=5).map(sorted), cuts=st.sets(st.integers(0, 39)))
def test_parts_are_the_plain_definition_and_add_up(moves: Moves, closes: list[int], cuts: set[int]) -> None:
    meter, begin, fed = SpreadMeter(), 0, 0
    whole: SpreadPart | None = None
    for end in [*closes, 130]:
        while fed < len(moves) and moves[fed][0] < end:
            if fed in cuts:
                again = SpreadMeter()
                again.restore(meter.state())
                assert again.state() == meter.state()
                meter = again
            meter.update([moves[fed]])
            fed += 1
        part, wanted = meter.take(end), plain(moves, begin, end)
        assert (part is None) == (wanted is None)
        if part is not None:
            assert part == pytest.approx(wanted)
            whole = part if whole is None else whole.plus(part)
        begin = end
    wanted = plain(moves, 0, 130)
    assert whole == (None if wanted is None else pytest.approx(wanted))


def test_a_quote_that_comes_late_counts_from_where_time_has_come_to() -> None:
    meter = SpreadMeter()
    meter.update([(10, 1.0, 2.0), (30, 1.0, 4.0), (20, 1.0, 3.0)])
    part = meter.take(40)
    assert part is not None
    assert part[:2] == (30, 20 * 1.0 + 10 * 2.0)


def test_time_without_quotes_has_no_weight() -> None:
    trades = [trade(i, 100.0, number=i + 1) for i in range(240)]
    quotes = [quote(0.5, 99.0, 100.0, number=1), quote(30.5, 98.0, 100.0, number=2)]
    again = [quote(130.0, 96.0, 100.0, number=9)]
    # Somebody listened again from 40 s on, but was told no quote before 130 s.
    out = run(in_order(trades, quotes, again, beats(0, 32), [beat(40)], beats(40.25, 250)))
    known = [
        (vector.features["spread_mean"], vector.features["spread_max"], vector.features["ofi"])
        for vector in vectors(out)
    ]
    assert known == [
        (pytest.approx((30 * 1 + 1.5 * 2) / 31.5), 2.0, -1.0), (None, None, None), (4.0, 4.0, 0.0), (4.0, 4.0, 0.0),
    ]  # fmt: skip
    assert {"spread_mean", "ofi"} <= set(vectors(out)[0].tainted)
