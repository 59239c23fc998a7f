"""What is measured in order of time does not depend on the order of arrival, as far as the allowed lateness reaches."""

from hypothesis import given
from hypothesis import strategies as st

from operators.flow import impact, intensity, large, ofi, spread
from schemas.market import MarketEvent, Quote, Trade
from schemas.time import SECOND
from tests.operators.support import QUICK, beats, quote, run, trade, vectors

LATENESS = 2.5
NAMES = [
    feature.name
    for module in (impact, intensity, large, ofi, spread)
    for measure in module.MEASURES
    for feature in measure.features
]
DRAWN = st.lists(
    st.tuples(st.integers(0, 1_299), st.integers(1, 4), st.integers(5, 9), st.booleans(), st.floats(0, LATENESS)),
    min_size=1, max_size=60,
)  # fmt: skip
"""Tenths of a second, bid or size, ask or price, side, delay in s."""


def arriving(events: list[tuple[Quote | Trade, float]]) -> list[MarketEvent]:
    """With heartbeats, each event where it arrives after its delay; before the heartbeat of the same moment."""
    placed: list[tuple[int, int, int, MarketEvent]] = [(beat.ts_event, 1, 0, beat) for beat in beats(0, 140)]
    placed += [(event.ts_event + round(delay * SECOND), 0, at, event) for at, (event, delay) in enumerate(events)]
    return [event for *_, event in sorted(placed, key=lambda place: place[:3])]


@QUICK
@given(quoted=DRAWN, traded=DRAWN)
def test_delays_of_quotes_and_trades_change_no_measure(
    quoted: list[tuple[int, int, int, bool, float]], traded: list[tuple[int, int, int, bool, float]]
) -> None:
    events: list[tuple[Quote | Trade, float]] = [
        (quote(at / 10, float(bid), float(ask), (float(ask), float(bid)), number=number), delay)
        for number, (at, bid, ask, _, delay) in enumerate(sorted(quoted), 1)
    ]
    events += [
        (trade(at / 10, float(price), float(size), number=number, side="buy" if bought else "sell"), delay)
        for number, (at, size, price, bought, delay) in enumerate(sorted(traded), 1)
    ]
    late, ordered = (
        [[vector.features[name] for name in NAMES] for vector in vectors(run(arriving(some)))]
        for some in (events, [(event, 0.0) for event, _ in events])
    )
    assert late == ordered
