"""The book through time, beside its plain definition at the samples."""

import msgspec
import pytest

from operators.flow.samples import BookMeter, SamplesPart
from schemas.market import Heartbeat, Quote
from schemas.results import Vector
from schemas.time import SECOND
from tests.data import needs_data
from tests.operators.flow.support import TAPES, Book, books, recorded
from tests.operators.flow.test_shape import NAMES as SHAPED
from tests.operators.flow.test_shape import plain
from tests.operators.support import beats, delta, in_order, quote, run, snapshot, trade, vectors

SPREAD = [f"obi_{count}" for count in (1, 5, 10, 20, "10bps", "25bps", "50bps")]
SPREAD += ["weighted_mid_10_bps", "microprice_bps"]
LEVEL = [name for name in SHAPED if name.startswith(("depth", "slope"))]


def measured(book: Book, best: Quote | None) -> dict[str, float | None]:
    """By plain definitions, of all that is sampled."""
    found = dict(zip(SHAPED, plain(book), strict=True))
    bids, asks = sorted(book.bids.items(), reverse=True)[:20], sorted(book.asks.items())[:20]
    for count in (1, 5, 10, 20):
        known = bids[count - 1][0] >= book.lowest and asks[count - 1][0] <= book.highest
        bid, ask = (sum(size for _, size in side[:count]) for side in (bids, asks))
        found[f"obi_{count}"] = (bid - ask) / (bid + ask) if known else None
    found["microprice_bps"] = None
    if best is not None:
        weighted = best.bid_price * best.ask_size + best.ask_price * best.bid_size
        mid = (best.bid_price + best.ask_price) / 2
        found["microprice_bps"] = 1e4 * (weighted / (best.bid_size + best.ask_size) / mid - 1)
    return found


@needs_data
@pytest.mark.parametrize("name", TAPES)
def test_on_real_tapes(name: str) -> None:
    """At the first heartbeat of each second, and at each decision, from decision to decision."""
    tape = recorded(name)
    decided: dict[int, Vector] = {vector.ts_decided: vector for vector in tape.vectors if vector.timeframe == "1m"}
    assert len(decided) >= 4
    sampled: list[dict[str, float | None]] = []
    best: Quote | None = None
    second, compared = -1, -1  # what the first vector is of began before the book was known; one is enough
    for event, book in books(tape):
        if isinstance(event, Quote) and (best is None or (event.sequence or 0) > (best.sequence or 0)):
            best = event
        if not isinstance(event, Heartbeat):
            continue
        due, vector = event.ts_event // SECOND > second, decided.get(event.ts_received)
        second = event.ts_event // SECOND
        if not vector and (not due or event.ts_received < min(decided)):
            continue
        now = measured(book, best)
        if vector is not None:
            sampled.append(now)
            if compared >= 0:
                for of in (*SPREAD, *LEVEL):
                    known = [value for sample in sampled if (value := sample[of]) is not None]
                    wanted = (sum(known) / len(known), min(known), max(known)) if known else (None, None, None)
                    told = [vector.features.get(f"{of}_{word}") for word in ("mean", "min", "max")]
                    if of in LEVEL:
                        assert told[0] == (None if not known else pytest.approx(wanted[0], rel=1e-9)), of
                    else:
                        assert told == ([None] * 3 if not known else pytest.approx(wanted, rel=1e-9, abs=1e-9)), of
            compared += 1
            sampled = []
            if compared == 1:
                break
        if due:
            sampled.append(now)
    assert compared == 1


def values(*known: float | None) -> list[float | None]:
    return [*known, *[None] * (17 - len(known))]


def test_parts_add_up_and_what_was_never_known_stays_so() -> None:
    meter, again = BookMeter(), BookMeter()
    meter.add(values(None, 0.5))
    first = meter.take()
    meter.add(values(None, -0.25))
    again.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(meter.state())))
    for one in (meter, again):
        one.add(values(None, 0.75))
    second = meter.take()
    assert first is not None
    assert second is not None
    assert second == again.take()
    both: SamplesPart = first.plus(second)
    assert [part[1] for part in both] == [3, 1.0, -0.25, 0.75]
    assert set(both.numbers[2:] + both.numbers[:1]) == {0}
    assert meter.take() is None


def test_a_mean_is_of_the_time_that_was_known() -> None:
    """Ten levels are known, then nine, then none: of these samples nothing counts, and what never was is not known."""
    bids, asks = [(100.0 - i, 3.0) for i in range(10)], [(101.0 + i, 1.0) for i in range(10)]
    begin = in_order([snapshot(0.5, bids, asks, sequence=0, depth=50), quote(0.5, 100.0, 101.0)])
    fewer = [delta(70, [(91.0, 0.0)], first=1, last=1), delta(80, [(100.0, 9.0)], first=2, last=2)]
    lost = [delta(90, [(100.0, 1.0)], first=9, last=9)]
    events = in_order(begin, fewer, lost, [trade(1, 100.0, number=1)], beats(0, 63, 1), beats(64, 185, 1))
    first, second, third = (vector.features for vector in vectors(run(events)))
    assert (first["obi_10_mean"], first["obi_10_min"], first["obi_10_max"]) == (0.5, 0.5, 0.5)
    assert (second["obi_10_mean"], second["obi_10"]) == (0.5, None)
    assert (second["obi_1_min"], second["obi_1_max"]) == (0.5, 0.8)
    assert (second["obi_20_mean"], second["slope_bid_20_mean"]) == (None, None)
    assert (third["obi_1_mean"], third["depth_bid_50bps_mean"], third["obi_1_max"]) == (None, None, None)
    assert third["microprice_bps_mean"] is not None


def test_the_last_value_lies_between_the_extremes_and_each_second_counts_once() -> None:
    events = in_order(
        [snapshot(0.5, [(100.0, 3.0)], [(101.0, 1.0)], sequence=0, depth=50), trade(1, 100.0, number=1)],
        [delta(i + 0.5, [(100.0, 1.0 + i)], first=i, last=i) for i in range(1, 130)],
        beats(0, 125),
    )
    _, vector = (vector.features for vector in vectors(run(events)))
    sizes = [*range(63, 123), 123]  # at 63 s and each second after it, and at the decision of 122.5 s
    known = [(size - 1) / (size + 1) for size in sizes]
    assert vector["obi_1_min"] == pytest.approx(min(known))
    assert vector["obi_1_max"] == vector["obi_1"]
    assert vector["obi_1_mean"] == pytest.approx(sum(known) / len(known))
