"""The desk: what it decides, and that no arrival changes it."""

from itertools import product
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from models.barriers import Bracket, TripleBarrier
from models.costs import Costs
from operators.closed import Closed, Standing
from operators.config import DeskConfig, StrategyConfig
from operators.desk.desk import Desk
from operators.errors import OperatorError
from schemas.layouts import Layout, LayoutError
from schemas.time import MINUTE, Timeframe
from schemas.topics import Outgoing
from tests.operators.desk.support import (
    CALM,
    FALLING,
    RISING,
    absence,
    closed,
    decided,
    definition,
    interleaved,
    signals,
    standing,
    vector,
)
from tests.operators.desk.test_learning import bar
from tests.operators.support import ID, QUICK, gaps, ns

EAGER = DeskConfig(strategy=StrategyConfig(cooldown_bars=0))


def test_a_candidate_and_its_publication_share_everything_but_their_status() -> None:
    out = decided(closed(vector(1), known=definition()))
    (candidate,), (published,) = signals(out), signals(out, "signals.published")
    assert (candidate.status, published.status) == ("candidate", "published")
    assert msgspec.structs.replace(published, status="candidate") == candidate
    assert [sent.key for sent in out] == [ID, ID, ID]
    assert [sent.topic for sent in out] == ["features.context", "signals.candidates", "signals.published"]


def test_what_a_signal_says() -> None:
    (signal,) = signals(decided(closed(vector(5), known=definition(tick_size=0.01))))
    assert (signal.instrument_id, signal.timeframe, signal.direction) == (ID, "1m", "long")
    assert (signal.strategy, signal.strategy_version) == ("confluence", "1")
    assert (signal.calibrated, signal.models) == (False, [])
    assert (signal.ts_event, signal.expiry, signal.horizon) == (ns(300), ns(300) + 3 * MINUTE, 24 * MINUTE)
    assert signal.ts_decided == vector(5).ts_decided
    assert (signal.bid, signal.ask, signal.entry_high) == (100.0, 100.1, 100.1)
    assert signal.stop < signal.entry_low < signal.entry_high < signal.targets[0]
    assert signal.size is not None
    assert signal.size > 0
    score = sum(factor.contribution for factor in signal.key_factors)
    assert signal.confidence == pytest.approx(0.5 + score / 2)
    assert 0.5 <= signal.confidence <= 1
    assert (signal.quality, signal.vetoes) == ([], [])


def test_the_explanation_can_be_read() -> None:
    config = DeskConfig(strategy=StrategyConfig(threshold=0.3))
    (signal,) = signals(decided(closed(vector(1, {**RISING, "rsi_14": 40.0, "obi_10": None})), config=config))
    assert signal.explanation == (
        "Long on 1m: 3 of 5 factors agree (score +0.32): EMA 20 lies 1.0 ATR above EMA 50; the microprice leans to the "
        "ask; aggressive buyers exceed sellers by 50% of the volume. Against it: RSI 14 at 40 shows falling momentum. "
        "Not known: obi_10."
    )


def test_a_short_is_a_short() -> None:
    (signal,) = signals(decided(closed(vector(1, FALLING), known=definition())))
    assert signal.direction == "short"
    assert signal.targets[2] < signal.targets[0] < signal.entry_low < signal.entry_high < signal.stop
    assert signal.entry_low == 100.0


def test_a_tainted_or_unknown_feature_is_recorded_as_vetoed_and_never_published() -> None:
    out = decided(closed(vector(1, {**RISING, "obi_10": None}, tainted={"tfi": "a hole at noon"}), known=definition()))
    (vetoed,) = signals(out)
    assert vetoed.status == "vetoed"
    assert vetoed.vetoes == ["obi_10 is not known", "tfi is tainted: a hole at noon"]
    assert vetoed.quality == ["a hole at noon"]
    assert "Not known: obi_10." in vetoed.explanation
    assert signals(out, "signals.published") == []


@pytest.mark.parametrize(
    "record",
    [
        vector(1, CALM), vector(1, {}), vector(1, {**RISING, "atr_14": 0.0}), vector(1, bid=None), vector(1, ask=None),
        vector(1, timeframe="4h"), absence(1),
    ],
)  # fmt: skip
def test_nothing_to_say(record: object) -> None:
    assert {sent.topic for sent in decided(closed(record))} <= {"features.context"}  # type: ignore[arg-type]  # of any kind


def test_a_signal_is_not_said_again_while_it_cools_down() -> None:
    said = signals(decided(*[closed(vector(minute), known=definition()) for minute in range(1, 25)]))
    assert [signal.ts_event for signal in said] == [ns(60), ns(660), ns(1_260)]


def test_a_veto_cools_down_vetoes_but_holds_no_clean_candidate_back() -> None:
    bad = [closed(vector(minute, tainted={"tfi": "x"}), known=definition()) for minute in range(1, 4)]
    out = decided(*bad, *[closed(vector(minute), known=definition()) for minute in range(4, 10)])
    assert [(signal.ts_event, signal.status) for signal in signals(out)] == [(ns(60), "vetoed"), (ns(240), "candidate")]


def test_timeframes_and_instruments_cool_down_on_their_own() -> None:
    both = ("x:a", "x:b")
    records: list[Closed | Standing] = [standing(99, *both)]
    timeframes: list[Timeframe] = ["1m", "5m"]
    for minute in (5, 10):
        records += [closed(*[vector(minute, instrument_id=name, timeframe=one) for one in timeframes]) for name in both]
    said = signals(Desk(DeskConfig()).on_batch(records))
    assert [(signal.timeframe, signal.instrument_id, signal.ts_event) for signal in said] == [
        ("1m", "x:a", ns(300)), ("1m", "x:b", ns(300)), ("5m", "x:a", ns(300)), ("5m", "x:b", ns(300)),
    ]  # fmt: skip


def market() -> dict[str, list[Closed | Standing]]:
    """Three instruments of which one joins and one leaves, one misses closes, and one is no member at all."""
    names = ("x:a", "x:b", "x:c", "x:d")
    streams: dict[str, list[Closed | Standing]] = {name: [] for name in names}
    timeframes: list[Timeframe] = ["1m", "5m"]
    for minute, (i, name) in product(range(1, 21), enumerate(names)):
        if (minute + i) % 7 == 3:
            continue
        due = timeframes if minute % 5 == 0 else timeframes[:1]
        kind = (RISING, FALLING, CALM)[(minute * (i + 1)) % 3]
        streams[name].append(closed(*[vector(minute, kind, instrument_id=name, timeframe=one) for one in due]))
        if (minute + i) % 5 == 1:
            streams[name][-1] = closed(absence(minute, name))
    members = [("x:a", "x:b")] * 7 + [("x:a", "x:b", "x:c")] * 6 + [("x:b", "x:c")] * 7
    streams["control"] = [standing(minute, *names) for minute, names in enumerate(members, 1)]
    return streams


QUOTES = (("bid", 100.0), ("ask", 100.1))


def received(record: Closed | Standing) -> int:
    return record.ts_decided if isinstance(record, Standing) else max(said.ts_decided for said in record.records)


def delayed(record: Closed | Standing, lag: int) -> Closed | Standing:
    """By ``lag`` seconds."""
    if isinstance(record, Standing):
        return replace(record, ts_decided=record.ts_close + ns(lag) - ns(0))
    later = [replace(one, ts_decided=one.ts_decided + ns(lag) - ns(0)) for one in record.records]
    return replace(record, records=later)


@QUICK
@given(random=st.randoms(use_true_random=False), lags=st.lists(st.integers(0, 400), min_size=4, max_size=4))
def test_what_is_received_later_changes_nothing_that_was_decided(random: Random, lags: list[int]) -> None:
    """Neither a signal nor a context: no member may have been slower than what was made of it."""
    streams = [stream[:14] for stream in market().values()]
    told = [delayed(one, random.choice(lags)) for stream in streams for one in stream]
    cut = ns(random.randrange(60, 1_200))

    def altered(record: Closed | Standing) -> Closed | Standing:
        if received(record) <= cut:
            return record
        if isinstance(record, Standing):
            return replace(record, members=("x:a", "x:b", "x:c", "x:d"))
        return replace(record, records=[replace(absence(1), ts_decided=received(record))])

    found, expected = (decided_by(cut, Desk(EAGER).on_batch(each)) for each in (list(map(altered, told)), told))
    assert found == expected


def decided_by(cut: int, out: list[Outgoing]) -> list[bytes]:
    """The contexts and signals that say they were decided by then."""
    sent = [one.value for one in out if one.topic.startswith(("signals", "features"))]
    return [value for value in sent if msgspec.json.decode(value)["ts_decided"] <= cut]


def test_a_signal_is_decided_when_the_slowest_member_has_closed_and_its_label_begins_after_that() -> None:
    desk = Desk(DeskConfig(strategy=StrategyConfig(entry_bars=6)))
    slow = delayed(closed(vector(1, CALM, instrument_id="x:b")), 147)
    out = desk.on_batch([standing(9, ID, "x:b"), closed(vector(1), known=definition()), slow])
    (signal,) = signals(out)
    assert signal.ts_decided == received(slow) > vector(1).ts_decided
    barrier = TripleBarrier(bracket=Bracket.of(signal), costs=Costs())
    flat = {f"{side}_{at}": price for side, price in QUOTES for at in ("first", "low", "high", "last")}
    for minute in range(2, 6):
        barrier.on_bar(replace(bar(minute, ID), **flat))
    assert (barrier.entry, barrier.ts_entry) == (100.1, ns(240))


@QUICK
@given(random=st.randoms(use_true_random=False), pieces=st.integers(1, 9), restarts=st.booleans())
def test_no_interleaving_changes_what_is_decided(random: Random, pieces: int, restarts: bool) -> None:
    in_turn = [record for stream in market().values() for record in stream]
    expected = Desk(EAGER).on_batch(in_turn)
    assert len(signals(expected, "signals.published")) > 10
    records, desk, out = interleaved(market(), random), Desk(EAGER), list[Outgoing]()
    for begin in range(0, len(records), pieces):
        out += desk.on_batch(records[begin : begin + pieces])
        if restarts:
            desk = Desk.restored(desk.state(), EAGER)
    assert [sent for sent in out if sent.topic != "quality.gaps"] == [
        sent for sent in expected if sent.topic != "quality.gaps"
    ]
    for name in ("x:a", "x:b", "x:c", "x:d"):  # between instruments, arrival is the order of the ledger
        assert undecided(out, name) == undecided(expected, name)


def undecided(out: list[Outgoing], instrument_id: str) -> list[tuple[int, int, int, str]]:
    """First and last minute, count, and words of the ledger's records."""
    assert {gap.kind for gap in gaps(out)} <= {"undecided"}
    return [
        ((gap.ts_start - ns(0)) // MINUTE, (gap.ts_end - ns(0)) // MINUTE, gap.count, gap.detail)
        for gap in gaps(out)
        if gap.instrument_id == instrument_id
    ]


def test_what_is_not_decided_is_told_and_counted() -> None:
    """Nothing a member says is in there, nor what holds no vector."""
    out = Desk(EAGER).on_batch([record for stream in market().values() for record in stream])
    begun, again = "no member of the desk", "a member of the desk again"
    found = {name: undecided(out, name) for name in ("x:a", "x:b", "x:c", "x:d")}
    assert found == {
        "x:a": [(14, 14, 1, begun)],
        "x:b": [],
        "x:c": [(2, 2, 1, begun), (3, 7, 4, again)],
        "x:d": [(1, 1, 1, begun)],
    }


@pytest.mark.parametrize("late", [False, True])
def test_what_is_not_decided_is_told_once_an_hour(*, late: bool) -> None:
    """Whether it comes before its close is decided, or long after."""
    desk, out = Desk(EAGER), list[Outgoing]()
    member: list[Closed | Standing] = [
        standing(150, "x:a"),
        *[closed(absence(minute, "x:a")) for minute in range(1, 151)],
    ]
    other: list[Closed | Standing] = [closed(vector(minute, instrument_id="x:b")) for minute in range(1, 151)]
    for record in [*member, *other] if late else [*other, *member]:
        out += desk.on_batch([record])
    begun = "no member of the desk"
    assert undecided(out, "x:b") == [(1, 1, 1, begun), (2, 60, 59, begun), (61, 120, 60, begun)]
    out = desk.on_batch(
        [standing(151, "x:a", "x:b"), *[closed(vector(151, instrument_id=name)) for name in ("x:a", "x:b")]]
    )
    assert undecided(out, "x:b") == [(121, 150, 30, "a member of the desk again")]
    assert undecided(desk.on_batch([standing(152, "x:b"), closed(vector(152, instrument_id="x:b"))]), "x:b") == []


def test_memory_is_bounded_and_who_is_waited_for_is_named() -> None:
    config = DeskConfig(max_waiting=50)
    desk = Desk(config)
    desk.on_batch([standing(1_000, "x:a", "x:ghost"), *[closed(vector(i, instrument_id="x:a")) for i in range(1, 51)]])
    words = r"the desk waits for x:ghost since the close 2023-12-09T00:01:00Z, and 51 closes .* max_waiting = 50"
    for one in (desk, Desk.restored(desk.state(), config)):
        with pytest.raises(OperatorError, match=words):
            one.on_batch([closed(vector(51, instrument_id="x:a"))])
    assert signals(Desk.restored(desk.state(), config).on_batch([closed(absence(51, "x:ghost"))]))


def test_without_the_control_key_it_is_the_one_waited_for() -> None:
    desk = Desk(DeskConfig(max_waiting=1))
    with pytest.raises(OperatorError, match="the desk waits for candlewick:control since"):
        desk.on_batch([closed(vector(1)), closed(vector(2))])


def test_decisions_come_in_order_of_close_timeframe_and_instrument() -> None:
    said = signals(Desk(EAGER).on_batch([record for stream in market().values() for record in stream]))
    order = [(signal.ts_event, ["1m", "5m"].index(signal.timeframe), signal.instrument_id) for signal in said]
    assert order == sorted(order)
    assert "x:d" not in {signal.instrument_id for signal in said}
    assert min(signal.ts_event for signal in said if signal.instrument_id == "x:c") > ns(7 * 60)
    assert max(signal.ts_event for signal in said if signal.instrument_id == "x:a") <= ns(13 * 60)


def test_the_state_of_another_version_is_refused() -> None:
    with pytest.raises(LayoutError, match="desk state has version 99, newer than"):
        Desk.restored(Layout("desk", 99).seal({}), DeskConfig())
