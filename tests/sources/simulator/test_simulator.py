from hashlib import sha256
from itertools import islice, pairwise

import pytest
from msgspec.structs import replace

from schemas.codec import decode_event, encode
from schemas.market import InstrumentDefinition, Trade
from schemas.time import HOUR, SECOND
from sources.malformed import Malformed
from sources.simulator import (
    LISTINGS,
    Faults,
    FlashCrash,
    Gap,
    Garbage,
    Late,
    Listing,
    Outage,
    Simulator,
    SimulatorConfig,
    SimulatorError,
)
from tests.sources.simulator.support import BTC, BTC_PERPETUAL, NAMES, START, config, hour, of_type, records


def digest(settings: SimulatorConfig) -> str:
    whole = sha256()
    for bar in Simulator(settings).history_bars(days=0.1):
        whole.update(encode(bar))
    for record in Simulator(settings):
        whole.update(record.raw if isinstance(record, Malformed) else encode(record))
    return whole.hexdigest()


def test_equal_configurations_give_equal_bytes_on_every_python() -> None:
    # A change of the model changes this on purpose; a change of interpreter or NumPy must not.
    faults = Faults(
        gap=Gap(per_hour=20), outage=Outage(per_hour=10), late=Late(per_hour=20), garbage=Garbage(per_hour=20),
        flash_crash=FlashCrash(at=(200,)),
    )  # fmt: skip
    assert digest(config(faults=faults)) == "3de291a5754c9d093558b2d483bddffc3ea01a6f566054275206eaefa34922f4"


def test_the_seed_changes_everything() -> None:
    assert digest(config(duration=10 * SECOND)) != digest(config(duration=10 * SECOND, seed=8))


def test_an_instrument_does_not_depend_on_who_else_is_listed() -> None:
    alone = records(instruments=LISTINGS[1:2], duration=60 * SECOND)
    together = records(duration=60 * SECOND)
    assert alone == [record for record in together if not isinstance(record, Malformed)
                     and record.instrument_id == BTC_PERPETUAL]  # fmt: skip


def test_records_come_in_the_order_of_their_receipt_and_of_their_venue() -> None:
    _, stream = hour()
    assert all(a.ts_received <= b.ts_received for a, b in pairwise(stream))
    for name in NAMES:
        own = [record for record in stream if record.instrument_id == name]
        assert all(a.ts_event <= b.ts_event for a, b in pairwise(own))
    assert all(SECOND // 10 > record.ts_received - record.ts_event > 0 for record in stream)
    assert stream[0].ts_event >= START
    assert stream[-1].ts_event <= START + HOUR


def test_about_ten_records_a_second_come_of_each_instrument() -> None:
    _, stream = hour()
    for name in NAMES:
        assert 6 < sum(record.instrument_id == name for record in stream) / 3600 < 14


def test_every_record_survives_the_codec() -> None:
    for record in records(duration=20 * SECOND):
        assert not isinstance(record, Malformed)
        assert decode_event(encode(record)) == record


def test_without_a_duration_there_is_no_end() -> None:
    bounded = records(duration=30 * SECOND)
    endless = Simulator(config(duration=None))
    head = list(islice(endless, len(bounded) - 100))  # what is on its way at the end comes out of order with the rest
    assert head == bounded[: len(head)]
    assert next(endless).ts_received >= head[-1].ts_received


def test_no_duration_is_no_market() -> None:
    assert {type(record).__name__ for record in records(duration=0)} == {
        "BookSnapshot", "Quote", "MarkPrice", "FundingRate", "OpenInterest",
    }  # fmt: skip


def test_definitions_say_what_is_traded() -> None:
    spot, perpetual, *_ = Simulator(config()).definitions()
    assert spot == InstrumentDefinition(
        instrument_id=BTC, ts_event=START, ts_received=START, kind="spot", base="BTC", quote="USDT", tick_size=0.5,
        lot_size=0.0001, taker_fee=0.001,
    )  # fmt: skip
    assert (perpetual.kind, perpetual.settle, perpetual.funding_interval) == ("perpetual", "USDT", 8 * HOUR)


def test_trades_are_numbered_without_holes() -> None:
    _, stream = hour()
    for name in NAMES:
        trades = of_type(Trade, stream, name)
        assert [trade.sequence for trade in trades] == list(range(1, len(trades) + 1))
        assert [trade.trade_id for trade in trades] == [str(trade.sequence) for trade in trades]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"edge": 1.5}, r"<= 1\.0 - at `\$\.edge`"),
        ({"correlation": float("nan")}, r"at `\$\.correlation`"),
        ({"steps_per_second": 3}, "must divide"),
        ({"seed": -1}, r">= 0 - at `\$\.seed`"),
        ({"instruments": ()}, "at least one"),
        ({"instruments": LISTINGS[:1] * 2}, "none twice"),
        ({"instruments": (replace(LISTINGS[0], instrument_id="binance:BTC/USDT"),)}, r"\^sim"),
        ({"instruments": (replace(LISTINGS[0], instrument_id="sim:XYZ/USDT"),)}, "needs exactly one coin named XYZ"),
        ({"instruments": (replace(LISTINGS[0], tick_size=500.0),)}, "no room for 250 levels"),
        ({"instruments": (replace(LISTINGS[0], lot_size=500.0),)}, "more than trade_size"),
        ({"faults": Faults(gap=Gap(only=("sim:XYZ/USDT",)))}, "'sim:XYZ/USDT' is none of sim:BTC/USDT"),
        ({"faults": Faults(gap=Gap(deltas=0))}, r"at `\$\.faults\.gap\.deltas`"),
    ],
)
def test_what_cannot_be_simulated_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(SimulatorError, match=message):
        Simulator(config(**changes))


def test_a_listing_of_ones_own() -> None:
    listing = Listing(
        instrument_id="simtest:ETH/EUR", tick_size=0.25, lot_size=0.5, trade_size=4.0, level_size=9.0,
        trades_per_second=20.0,
    )  # fmt: skip
    trades = of_type(Trade, records(instruments=(listing,), duration=60 * SECOND, steps_per_second=10, levels=50))
    assert len(trades) > 600
    assert all(trade.price % 0.25 == 0 and trade.size % 0.5 == 0 for trade in trades)
