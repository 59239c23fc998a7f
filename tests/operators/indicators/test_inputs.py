"""Ages and gaps of the inputs, through the whole step of an instrument."""

from schemas.market import Liquidation, MarketEvent, MarkPrice, OpenInterest
from tests.operators.support import ID, beats, delta, exchange_bar, in_order, ns, quote, run, snapshot, trade, vectors

AGES = ("quote_age", "book_age", "mark_age", "funding_age", "open_interest_age", "liquidation_age")
GAPS = ("trades_gap", "quotes_gap", "book_gap", "derivatives_gap")


def test_each_input_has_its_age_and_what_was_never_told_has_none() -> None:
    told: list[MarketEvent] = [
        quote(50, 9.0, 11.0), snapshot(30, [(9.0, 1.0)], [(11.0, 1.0)], sequence=4), trade(20, 10.0),
        MarkPrice(instrument_id=ID, ts_event=ns(59), ts_received=ns(59), price=10.0, funding_rate=1e-4),
        OpenInterest(instrument_id=ID, ts_event=ns(15), ts_received=ns(15), open_interest=5.0),
        Liquidation(instrument_id=ID, ts_event=ns(40), ts_received=ns(40), side="sell", price=10.0, size=1.0),
    ]  # fmt: skip
    first, second = vectors(run(in_order(beats(0, 130), told)))[:2]
    assert [first.features[name] for name in AGES] == [10.0, 30.0, 1.0, 1.0, 45.0, 20.0]
    assert [second.features[name] for name in AGES] == [70.0, 90.0, 61.0, 61.0, 105.0, 80.0]
    given = vectors(run([exchange_bar(60, 10.0), exchange_bar(120, 10.0)]))[0]
    assert [given.features[name] for name in AGES] == [None] * 6
    assert [given.features[name] for name in GAPS] == [0.0] * 4


def test_a_loss_is_told_in_its_bar_and_no_other() -> None:
    steady = [trade(t, 10.0, trade_id=str(t)) for t in (5, 65, 125, 185)]
    lost: list[MarketEvent] = [trade(70, 10.0, number=1), trade(80, 10.0, number=5)]
    found = vectors(run(in_order(beats(0, 250), steady, lost)))
    assert [[vector.features[name] for name in GAPS] for vector in found[:3]] == [
        [0.0] * 4, [1.0, 0.0, 0.0, 0.0], [0.0] * 4,
    ]  # fmt: skip


def test_a_book_that_is_lost_has_no_age_until_it_is_whole_again() -> None:
    whole = [snapshot(at, [(9.0, 1.0)], [(11.0, 1.0)], sequence=number) for at, number in ((-20, 4), (150, 20))]
    steady = [trade(t, 10.0, trade_id=str(t)) for t in (5, 65, 125, 185, 245)]
    lost = [delta(90, [(9.0, 2.0)], first=8, last=8)]
    found = vectors(run(in_order(beats(-30, 310), whole, steady, lost)))[-5:]
    assert [vector.features["book_gap"] for vector in found] == [0.0, 1.0, 1.0, 0.0, 0.0]
    assert [vector.features["book_age"] is None for vector in found] == [False, True, False, False, False]


def test_a_silence_is_a_gap_of_everything() -> None:
    events = in_order(beats(0, 70), beats(100, 250), [trade(t, 10.0) for t in (5, 65, 110, 130, 190)])
    found = vectors(run(events))
    assert [[vector.features[name] for name in GAPS] for vector in found[:3]] == [[0.0] * 4, [1.0] * 4, [0.0] * 4]


def test_after_a_silence_nobody_knows_when_the_last_liquidation_was() -> None:
    told = [
        Liquidation(instrument_id=ID, ts_event=ns(at), ts_received=ns(at), side="buy", price=10.0, size=1.0)
        for at in (20, 10, 200)
    ]
    events = in_order(beats(0, 70), beats(100, 250), told, [trade(t, 10.0) for t in (5, 65, 110, 130, 190)])
    found = vectors(run(events))
    assert [vector.features["liquidation_age"] for vector in found] == [40.0, None, None, 40.0]
