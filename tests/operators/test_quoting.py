"""Book and best quotes within the per-instrument step: what is said when something is lost, and until when."""

from typing import Any, cast

import msgspec
import pytest

from operators.closed import Closed
from operators.config import InstrumentConfig
from operators.features import CATALOGUE
from operators.flow.recorder import Recorder
from operators.instrument import Instrument
from operators.microstructure import imbalance, microprice, spread_bps
from operators.outbox import Outbox
from operators.quoting import Quoting
from operators.taints import Taints
from schemas.layouts import LayoutError
from schemas.market import InstrumentDefinition, MarketEvent
from schemas.results import BookSample
from schemas.topics import Outgoing
from tests.operators.support import (
    ID,
    Levels,
    beat,
    beats,
    delta,
    gaps,
    in_order,
    ns,
    quote,
    run,
    snapshot,
    trade,
    vectors,
)

BIDS: Levels = [(100.0 - i / 10, 1.0 + i) for i in range(30)]
ASKS: Levels = [(101.0 + i / 10, 2.0 + i) for i in range(30)]
BOOK = {"obi_1", "obi_5", "obi_10", "obi_20"}
QUOTES = {"spread", "spread_bps", "microprice", "microprice_bps"}
OF_BOOK = [one.name for one in CATALOGUE if "book" in one.inputs]
LASTING = [one.name for one in CATALOGUE if {"book", "quotes"} & set(one.inputs) and one.memory == 1]


def deltas(*numbers: int) -> list[MarketEvent]:
    """One each second, contiguous with a book snapshot at 0 if they are."""
    return [delta(i, [(99.0, float(i))], first=i, last=i) for i in numbers]


def quotes(end: int) -> list[MarketEvent]:
    return [quote(i + 0.5, 100.0, 101.0, (3.0, 1.0), number=i + 1) for i in range(end)]


def market(*books: list[MarketEvent], quoted: bool = True, end: int = 250) -> list[MarketEvent]:
    """Trades, heartbeats, quotes, and a book that begins at 0."""
    trades = [trade(i, 100.0 + i % 2, number=i + 1) for i in range(end)]
    begin: list[MarketEvent] = [snapshot(0, BIDS, ASKS, sequence=0)]
    return in_order(begin, *books, quotes(end) if quoted else [], trades, beats(0, end))


def known(out: list[Outgoing | Closed]) -> list[set[str]]:
    """Of each minute's vector, the features of book and quotes that it knows."""
    return [{name for name in BOOK | QUOTES if vector.features[name] is not None} for vector in vectors(out)]


def samples(out: list[Outgoing | Closed]) -> list[BookSample]:
    return [
        msgspec.json.decode(sent.value, type=BookSample)
        for sent in out
        if isinstance(sent, Outgoing) and sent.topic == "features.books"
    ]


def test_measures_are_those_of_the_book_and_quotes_at_the_moment_of_decision() -> None:
    after = delta(62.4, [(100.0, 50.0)], first=61, last=61)  # within the allowed lateness: seen at 62.5
    out = run(market(deltas(*range(1, 61)), [after]))
    features = vectors(out)[0].features
    sizes = [size for _, size in BIDS], [size for _, size in ASKS]
    sizes[0][0], sizes[0][10] = 50.0, 60.0
    for n in (1, 5, 10, 20):
        assert features[f"obi_{n}"] == imbalance(sizes[0][:n], sizes[1][:n])
    assert features["microprice"] == microprice(100.0, 3.0, 101.0, 1.0)
    assert features["spread"] == 1.0
    assert features["spread_bps"] == spread_bps(100.0, 101.0)
    assert features["microprice_bps"] == pytest.approx(10_000 * (100.75 / 100.5 - 1))
    assert (vectors(out)[0].bid, vectors(out)[0].ask) == (100.0, 101.0)


def test_no_measure_beyond_what_the_book_snapshot_reached() -> None:
    begin: list[MarketEvent] = [snapshot(0, BIDS[:12], ASKS, sequence=0, depth=12)]
    out = run(in_order(begin, quotes(70), [trade(1, 100.0)], beats(0, 70)))
    assert known(out) == [QUOTES | {"obi_1", "obi_5", "obi_10"}]


@pytest.mark.parametrize(("bids", "asks"), [(BIDS[:5], ASKS), (BIDS, ASKS[:5])])
def test_no_measure_of_more_levels_than_a_side_has(bids: Levels, asks: Levels) -> None:
    begin: list[MarketEvent] = [snapshot(0, bids, asks, sequence=0, depth=1_000)]
    out = run(in_order(begin, quotes(70), [trade(1, 100.0)], beats(0, 70)))
    assert known(out) == [QUOTES | {"obi_1", "obi_5"}]


def test_a_lost_book_says_nothing_until_it_is_found_again() -> None:
    again: list[MarketEvent] = [snapshot(130, BIDS, ASKS, sequence=130)]
    out = run(market(deltas(*range(1, 41), *range(42, 60)), again, deltas(*range(131, 250))))
    assert known(out) == [QUOTES, QUOTES, QUOTES | BOOK, QUOTES | BOOK]
    lost, found = gaps(out)
    assert (lost.kind, lost.expected, lost.received) == ("book_sequence", 41, 42)
    assert (lost.ts_start, lost.ts_end) == (ns(40), ns(42))
    assert (found.kind, found.received, found.ts_start, found.ts_end) == ("book_resync", 130, ns(40), ns(130))


def test_the_book_is_stale_at_that_very_message() -> None:
    instrument = Instrument(ID, InstrumentConfig())
    run(market(deltas(*range(1, 41)), end=40), instrument=instrument)
    out = run([delta(41, first=43, last=43)], instrument=instrument)
    assert (len(out), [gap.kind for gap in gaps(out)]) == (1, ["book_sequence"])
    sample = samples(run([beat(41.25)], instrument=instrument))[0]
    assert (sample.stale, sample.bid_prices, sample.bid_sizes) == (True, [100.0], [3.0])
    assert (sample.ask_prices, sample.ask_sizes, sample.imbalance) == ([101.0], [1.0], 0.5)


def test_a_loss_between_close_and_decision_taints() -> None:
    out = run(market(deltas(*range(1, 61)), [delta(61, first=63, last=63), snapshot(61.5, BIDS, ASKS, sequence=70)]))
    first = vectors(out)[0]
    assert first.features["obi_10"] is not None
    assert first.tainted == dict.fromkeys(OF_BOOK, "the book was not known until 2023-12-09T00:01:01.5Z")
    assert set(vectors(out)[1].tainted) == set(LASTING) & set(OF_BOOK)


def test_a_book_that_is_known_in_the_midst_of_a_bar_taints_what_lasts_as_long() -> None:
    """The first time too, and whenever the loss was."""
    first = [snapshot(70, BIDS, ASKS, sequence=70)]
    lost: list[MarketEvent] = [delta(130, first=99, last=99), snapshot(250, BIDS, ASKS, sequence=250)]
    trades = [trade(t, 100.0, number=t + 1) for t in range(400)]
    out = run(in_order([beat(0)], first, lost, trades, beats(0.25, 400)))
    reasons = [vector.tainted.get("obi_10_mean") for vector in vectors(out)]
    assert [reason and reason[-9:-1] for reason in reasons] == [None, "00:01:10", "00:02:10", None, "00:04:10", None]
    assert [vector.features["obi_10_mean"] is None for vector in vectors(out)] == [
        True,
        *[False] * 2,
        True,
        *[False] * 2,
    ]


def test_best_levels_stand_in_where_the_venue_sends_no_quotes() -> None:
    out = run(market(deltas(*range(1, 41)), [delta(41, [(100.5, 4.0)], first=41, last=41)], quoted=False))
    vector = vectors(out)[0]
    assert (vector.bid, vector.ask, vector.features["microprice"]) == (100.5, 101.0, microprice(100.5, 4.0, 101.0, 2.0))
    assert vector.features["ofi"] == 4.0
    assert known(out)[0] == QUOTES | BOOK


def test_without_quotes_of_its_own_a_lost_book_takes_them_along() -> None:
    out = run(market(deltas(*range(1, 41), *range(42, 60)), quoted=False))
    assert known(out)[:2] == [set(), set()]
    assert vectors(out)[0].bid is None
    assert vectors(out)[0].tainted == dict.fromkeys(LASTING, "book_sequence at 2023-12-09T00:00:42Z")
    assert [vector.features["ofi"] for vector in vectors(out)[1:]] == [None] * 3


@pytest.mark.parametrize("quoted", [True, False])
def test_a_crossed_book_is_lost(quoted: bool) -> None:
    crossing: list[MarketEvent] = [delta(41.1, [(101.0, 1.0)], first=41, last=41)]
    out = run(market(deltas(*range(1, 41)), crossing, deltas(*range(42, 60)), quoted=quoted))
    (gap,) = gaps(out)
    times = (ns(41.1), ns(41.25)) if quoted else (ns(40), ns(41.1))
    assert (gap.kind, gap.ts_start, gap.ts_end) == ("book_crossed", *times)
    assert not known(out)[0] & BOOK


def test_a_bid_that_is_not_below_its_ask_is_refused_and_leaves_no_trace() -> None:
    clean = market(end=70)
    bad = [quote(i, 101.0, 101.0, number=900 + i) for i in range(20)]
    letters = [
        sent for sent in run(in_order(clean, bad)) if isinstance(sent, Outgoing) and sent.topic == "dead_letters"
    ]
    assert len(letters) == 20
    assert b"$.bid_price 101.0 is not below $.ask_price 101.0" in letters[0].value
    assert [s for s in run(in_order(clean, bad)) if isinstance(s, Closed) or s.topic != "dead_letters"] == run(clean)


def test_quotes_without_sizes_have_no_microprice() -> None:
    out = run([beat(0), trade(1, 10.0), quote(2, 10.0, 11.0, (0.0, 0.0)), *beats(2.25, 70)])
    features = vectors(out)[0].features
    assert (features["spread"], features["microprice"], features["microprice_bps"]) == (1.0, None, None)


def test_older_quotes_do_not_replace_newer_ones() -> None:
    numbered = [quote(10, 99.0, 100.0, number=7), quote(11, 98.0, 99.0, number=6)]
    timed = [quote(10, 99.0, 100.0), quote(9, 98.0, 99.0)]
    for events in (numbered, timed):
        assert vectors(run([beat(0), trade(1, 10.0), *events, *beats(4, 70, 3)]))[0].bid == 99.0


def test_numbers_of_quotes_that_begin_anew_are_believed_after_a_while() -> None:
    events = [quote(10, 99.0, 100.0, number=7_000), quote(20, 98.0, 99.0, number=1)]
    out = run([beat(0), trade(1, 10.0), *in_order(events, beats(0.25, 70))])
    assert (vectors(out)[0].bid, vectors(out)[0].features["ofi"]) == (98.0, -2.0)


def test_after_a_silence_quotes_and_book_have_to_be_told_again() -> None:
    before: list[MarketEvent] = [beat(0), trade(1, 100.0), snapshot(1, BIDS, ASKS, sequence=0), quote(2, 100.0, 101.0)]
    again: list[MarketEvent] = [*beats(100, 130), delta(131, first=1, last=1)]
    events: list[MarketEvent] = [*before, *beats(2.25, 70), *again, *beats(131.25, 150)]
    out = run([*events, quote(150, 100.0, 101.0), trade(150, 100.0), *beats(150.25, 250)])
    assert known(out) == [QUOTES | BOOK] * 3  # two minutes without a trade have no bar
    assert [vector.ts_close for vector in vectors(out)] == [ns(60), ns(180), ns(240)]
    silent = [sample for sample in samples(run(events)) if ns(100) <= sample.ts_event < ns(131)]
    assert {(sample.stale, len(sample.bid_prices), sample.imbalance) for sample in silent} == {(True, 0, None)}
    assert not samples(run(events))[-1].stale


def test_a_sample_of_the_book_in_each_interval() -> None:
    out = samples(run(market(deltas(*range(1, 20)), end=20)))
    assert [sample.ts_event for sample in out] == [ns(i) for i in range(21)]
    assert len({sample.id for sample in out}) == 21
    assert out[5].bid_prices == [price for price, _ in BIDS[:10]]
    assert out[5].imbalance == imbalance(out[5].bid_sizes, out[5].ask_sizes)


def test_a_venue_with_checksums_is_held_against_them() -> None:
    kraken = "kraken:BTC/USD"

    def its(event: Any) -> MarketEvent:
        return cast(MarketEvent, msgspec.structs.replace(event, instrument_id=kraken))

    def lost(tick: float | None) -> list[tuple[str, int | None]]:
        definition = InstrumentDefinition(
            instrument_id=kraken, ts_event=ns(0), ts_received=ns(0), kind="spot", base="BTC", quote="USD",
            tick_size=tick, lot_size=1e-8,
        )  # fmt: skip
        instrument = Instrument(kraken, InstrumentConfig())
        out = run([definition, its(snapshot(1, BIDS, ASKS, checksum=5))], instrument=instrument)
        return [(gap.kind, gap.expected) for gap in gaps(out)]

    assert lost(0.1) == [("book_checksum", 5)]
    assert lost(None) == []  # nobody knows the digits


def test_the_state_of_another_version_is_refused() -> None:
    quoting = Quoting(InstrumentConfig(), Taints(), Outbox(ID), Recorder(), lambda *_: None)
    with pytest.raises(LayoutError, match="version 3, newer than 2"):
        quoting.restore({**quoting.state(), "version": 3})
