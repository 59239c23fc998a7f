"""The compiled event path against its twin in Python: the same bytes, whatever comes."""

import json
from random import Random
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators import native
from operators.bars import OpenBar
from operators.config import InstrumentConfig
from operators.feature import Close, Moment, Stateless
from operators.features import asked
from operators.instrument import Instrument
from schemas.batches import Batch
from schemas.codec import encode
from schemas.market import MarketEvent
from tests.data import needs_data
from tests.operators.support import ID, LATER, QUICK, beat, delta, exchange_bar, in_order, quote, snapshot, trade
from tests.operators.test_instrument_properties import tape

pytestmark = pytest.mark.skipif(not native.BUILT, reason="the compiled event path is not built on this machine")

PYTHON: Final = InstrumentConfig(native=False)
COMPILED: Final = InstrumentConfig(native=True)


class Twins:
    """Two instruments that are told the same."""

    def __init__(self) -> None:
        self.python, self.compiled = Instrument(ID, PYTHON), Instrument(ID, COMPILED)
        self.offset = 0

    def tell(self, values: list[bytes]) -> None:
        """Both say the same of these messages."""
        messages = [(self.offset + i, LATER, value) for i, value in enumerate(values)]
        self.offset += len(values)
        said = self.python.on_batch(Batch(ID, 0, list(messages)))
        assert self.compiled.on_batch(Batch(ID, 0, list(messages))) == said

    def swap(self) -> None:
        """Each goes on with the other's state, which is the same but for the order of the book's levels."""
        python, compiled = self.python.state(), self.compiled.state()
        self.python, self.compiled = Instrument.restored(compiled, PYTHON), Instrument.restored(python, COMPILED)
        assert self.compiled.state() == compiled


def assert_equal(values: list[bytes], cuts: Random) -> None:
    """``values`` give the same, cut into batches in any way, with states exchanged now and then."""
    twins, at = Twins(), 0
    while at < len(values):
        size = cuts.choice((1, 2, 7, 40, 400, 2_000))
        twins.tell(values[at : at + size])
        at += size
        if cuts.random() < 0.2:
            twins.swap()
    twins.swap()


@needs_data
@pytest.mark.parametrize("name", ["2023", "2024"])
def test_a_recording(name: str) -> None:
    assert_equal([encode(record) for record in tape(name)[:25_000]], Random(1))  # noqa: S311, a market


TICKS: Final = st.integers(1, 7)
SIZES: Final = st.sampled_from([0.0, 0.0, 0.0, 0.5, 1.0])
LEVELS: Final = st.lists(st.tuples(TICKS.map(lambda ticks: 100.0 + ticks / 2), SIZES), max_size=6)
LOWER: Final = st.lists(st.tuples(TICKS.map(lambda ticks: 100.0 - ticks / 2), SIZES), max_size=6)
NUMBER: Final = st.none() | st.integers(1, 60)
NAMES: Final = st.sampled_from([None, "a", "7"])


def dense(side: int) -> list[tuple[float, float]]:
    return [(100.0 + side * tick / 2, 1.0) for tick in range(1, 8)]


@st.composite
def markets(draw: st.DrawFn) -> list[MarketEvent]:
    """Records in their order, most of them as a venue sends them: numbered, one after the other."""
    number, at = 0, 0.0
    depth = draw(st.sampled_from([7, 100]))
    events: list[MarketEvent] = [
        snapshot(0.0, dense(-1), dense(1), sequence=0, depth=depth),
        beat(0.0),
        quote(0.0, 99.5, 100.5),
    ]
    for _ in range(draw(st.integers(0, 60))):
        at += draw(st.sampled_from([0.0, 0.05, 0.3, 3.0, 11.0, 20.0]))
        late = at - draw(st.sampled_from([0.0] * 8 + [0.2, 70.0]))
        step = draw(st.sampled_from([1] * 15 + [2, 0]))
        match draw(st.sampled_from(["delta"] * 8 + ["quote"] * 2 + ["trade"] * 2 + ["beat"] * 4 + ["other"])):
            case "delta":
                chained = {"previous": number} if draw(st.booleans()) else {"first": number + 1}
                number += step
                events.append(delta(late, draw(LOWER), draw(LEVELS), last=number, **chained))
            case "quote":
                bid = 100.0 - draw(TICKS) / 2
                events.append(quote(late, bid, bid + draw(TICKS) / 2, (draw(SIZES), 1.0), number=draw(NUMBER)))
            case "trade":
                events.append(
                    trade(
                        late, 100.0 + draw(TICKS) / 2, 0.5, number=draw(NUMBER), market=draw(st.booleans()),
                        side=draw(st.sampled_from(["buy", "sell", None])), trade_id=draw(NAMES),
                    )
                )  # fmt: skip
            case "beat":
                events.append(beat(at, connected=draw(st.sampled_from([True, True, True, False]))))
            case _:
                events.append(draw(st.sampled_from(OTHERS))(at, number))
    return events


OTHERS: Final = [
    lambda at, number: snapshot(at, dense(-1), dense(1), sequence=number + 1, depth=7),
    lambda at, _: snapshot(at, dense(-1)[:4], dense(1)[:3], depth=5),
    lambda at, _: delta(at, [(99.0, 1.0)], checksum=5),
    lambda at, _: exchange_bar(60.0 * (at // 60), 100.0),
    lambda at, _: quote(at, 101.0, 100.0),
    lambda at, number: delta(at + 3_600.0, [(99.0, 1.0)], last=number),
]


@QUICK
@given(events=markets(), cuts=st.randoms(use_true_random=False))
def test_any_market(events: list[MarketEvent], cuts: Random) -> None:
    assert_equal([encode(event) for event in events], cuts)


@pytest.mark.parametrize("seed", range(3))
def test_a_book_in_motion(seed: int) -> None:
    """Levels go and come, three and more at once, until too few are left to measure, and fewer still."""
    random = Random(seed)  # noqa: S311, a market
    events: list[MarketEvent] = [snapshot(0.0, dense(-1), dense(1), sequence=0, depth=100), beat(0.0)]
    at = 0.0
    for number in range(1, 1_500):
        for _ in range(random.choice((1, 1, 1, 8))):
            at += random.choice((0.1, 0.5, 2.0))
            events.append(beat(at))
        taken = random.choice((0, 0, 1, 3, 5))
        levels = [(tick / 2, 0.0 if tick <= taken or random.random() < 0.1 else 1.0 + tick) for tick in range(1, 8)]
        changed = random.sample(levels, random.randrange(8))
        bids, asks = [(100.0 - far, size) for far, size in changed], [(100.0 + far, size) for far, size in changed]
        sides = random.choice(((bids, ()), ((), asks), (bids, asks)))
        events += [quote(at, 99.0, 101.0, number=number), delta(at, *sides, first=number, last=number)]
    assert_equal([encode(event) for event in events], random)


BEGIN: Final = [encode(snapshot(0.0, dense(-1), dense(1), sequence=0, depth=7)), encode(beat(0.05))]
"""Behind these, records are believed."""
PLAIN: Final = [
    encode(event)
    for event in in_order(
        [quote(0.1, 99.5, 100.5, number=3)],
        [trade(0.2, 100.0, number=7), delta(0.3, [(99.5, 2.0)], [(100.5, 0.0)], first=1, last=2, previous=0)],
        [trade(0.4, 1e-7, 1e17, side=None, market=False, trade_id="x")],
    )
]
CHARACTERS: Final = st.sampled_from(list(b'0123456789.-+eE"\\,:[]{}nulltrue \n\x00\xff'))


@QUICK
@given(data=st.data())
def test_damaged_text(data: st.DataObject) -> None:
    twins = Twins()
    twins.tell([*BEGIN, *PLAIN])
    for _ in range(20):
        value = bytearray(data.draw(st.sampled_from(PLAIN)))
        at = data.draw(st.integers(40, len(value) - 1))
        match data.draw(st.sampled_from(["change", "insert", "cut", "drop"])):
            case "change":
                value[at] = data.draw(CHARACTERS)
            case "insert":
                value.insert(at, data.draw(CHARACTERS))
            case "cut":
                del value[at:]
            case _:
                del value[at : at + data.draw(st.integers(1, 20))]
        twins.tell([bytes(value)])
    twins.swap()


NUMBERS: Final = st.one_of(
    st.floats(min_value=0.0, max_value=1e30).map(repr),
    st.floats(min_value=1e-20, max_value=1e16).map(lambda value: f"{value:.25f}"),
    st.floats(min_value=1e-20, max_value=1e16).map(lambda value: f"{value:e}"),
    st.integers(0, 10**40).map(str),
    st.from_regex(r"-?[0-9]{1,22}(\.[0-9]{0,25})?([eE][+-]?[0-9]{0,4})?", fullmatch=True),
)


@QUICK
@given(prices=st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=20))
def test_any_number(prices: list[tuple[str, str]]) -> None:
    """As trades, as a level and as a quote: each is read as Python reads it, or refused as Python refuses it."""
    twins = Twins()
    twins.tell(BEGIN)
    for at, (price, size) in enumerate(prices, start=1):
        told = json.loads(encode(trade(at / 10, 1.0, number=at)))
        twins.tell([_with(told, price=price, size=size)])
    price, size = prices[0]
    level = json.loads(encode(delta(3.0, [(1.0, 2.0)], first=1, last=1)))
    best = json.loads(encode(quote(3.0, 1e-18, 2.0, number=1)))
    twins.tell(
        [_with(level, bid_prices=f"[{price}]", bid_sizes=f"[{size}]"), _with(best, ask_price=price, ask_size=size)]
    )
    twins.swap()


def test_more_digits_than_a_double_holds() -> None:
    random = Random(5)  # noqa: S311, a market
    twins = Twins()
    twins.tell(BEGIN)
    for at in range(1, 400):
        digits, point = str(random.randrange(10**15, 10**18)), random.randrange(1, 14)
        told = json.loads(encode(trade(at / 100, 1.0, number=at)))
        twins.tell([_with(told, price=f"{digits[:point]}.{digits[point:]}")])
    twins.swap()


def _with(record: dict[str, Any], **texts: str) -> bytes:
    """The JSON of ``record``, as it is written on the wire, with these fields' text as it stands."""
    fields = (
        f'"{name}":{texts.get(name) or json.dumps(value, separators=(",", ":"))}' for name, value in record.items()
    )
    return f"{{{','.join(fields)}}}".encode()


@pytest.mark.parametrize("told", [(1.0,), (1.0, 2.0, 3.0)])
def test_a_measure_tells_as_many_values_as_it_has_features(told: tuple[float, ...]) -> None:
    bar = OpenBar(0)
    for ask in (asked, native.asking(native=True)):
        assert ask is not None
        assert ask([(lambda *_: (None, told[0]), Stateless())], Close(bar, Moment(), {}, 0), ("a", "b"), ("b",)) == {
            "a": None, "b": None,
        }  # fmt: skip
        with pytest.raises(ValueError, match=r"argument|features"):
            ask([(lambda *_: told, Stateless())], Close(bar, Moment(), {}, 0), ("a", "b"), ())


def test_plain_records_do_not_reach_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else all of the above would compare Python with itself."""
    twins = Twins()
    twins.tell(BEGIN)
    monkeypatch.setattr("operators.gate.parse_event", lambda _: pytest.fail("left to Python"))
    twins.compiled.on_batch(Batch(ID, 0, [(9 + at, LATER, value) for at, value in enumerate(PLAIN)]))
