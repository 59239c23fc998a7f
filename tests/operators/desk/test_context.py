"""What the desk adds to the vectors of its members, and when."""

import msgspec
import pytest

from operators.closed import Closed, Told
from operators.config import DeskConfig
from operators.desk.context import CONTEXT, CONTEXT_HASH
from operators.desk.desk import Desk
from operators.features import NAMES
from operators.indicators.returns import Returns
from schemas.identifiers import derive
from schemas.results import Context
from schemas.time import MINUTE, Timeframe
from schemas.topics import Outgoing
from tests.operators.desk.support import CALM, RISING, absence, closed, definition, signals, standing, vector
from tests.operators.support import ns

A, B, C, D = MEMBERS = ("x:A/USDT", "x:B/USDT", "x:BTC/USDT:USDT", "x:D/USDT")


def contexts(out: list[Outgoing]) -> dict[str, list[Context]]:
    """By instrument, in order."""
    found: dict[str, list[Context]] = {}
    for sent in out:
        if sent.topic == "features.context":
            context = msgspec.json.decode(sent.value, type=Context)
            assert (sent.id, sent.key, sent.ts_ms) == (context.id, context.instrument_id, context.ts_decided // 10**6)
            found.setdefault(context.instrument_id, []).append(context)
    return found


def told(minute: int, instrument_id: str, timeframe: Timeframe = "1m", **more: float) -> Closed:
    features = {**CALM, "return_1": (minute * len(instrument_id) % 7 - 3) / 1_000, **more}
    return closed(vector(minute, features, instrument_id=instrument_id, timeframe=timeframe))


def test_names_of_the_vector_and_its_context_are_apart() -> None:
    names = [feature.name for feature in CONTEXT]
    assert len({*names, *NAMES}) == len(names) + len(NAMES)


def test_each_vector_of_a_member_has_one_and_nobody_else() -> None:
    records: list[Told] = [standing(99, A, B)]
    for name in MEMBERS:
        records += [told(minute, name) for minute in (1, 2)]
    records += [told(5, name, "5m") for name in (A, B)]
    records.append(closed(absence(6, A)))
    found = contexts(Desk(DeskConfig()).on_batch([*records, told(6, B)]))
    assert {name: [(one.timeframe, one.ts_close) for one in several] for name, several in found.items()} == {
        A: [("1m", ns(60)), ("1m", ns(120)), ("5m", ns(300))],
        B: [("1m", ns(60)), ("1m", ns(120)), ("5m", ns(300)), ("1m", ns(360))],
    }
    assert found[A][0].id == derive("context", A, "1m", ns(60))
    assert {one.schema_hash for several in found.values() for one in several} == {CONTEXT_HASH}
    assert all(
        [*one.features] == [feature.name for feature in CONTEXT] for several in found.values() for one in several
    )


def test_it_is_decided_when_the_last_of_them_is() -> None:
    late = told(1, B)
    moved = msgspec.structs.replace(
        late, records=[msgspec.structs.replace(late.records[0], ts_decided=ns(75))]
    )  # fmt: skip
    found = contexts(Desk(DeskConfig()).on_batch([standing(9, A, B), told(1, A), moved]))
    assert [found[name][0].ts_decided for name in (A, B)] == [ns(75), ns(75)]


def test_who_is_absent_or_left_out_is_missing_and_named() -> None:
    desk, out = Desk(DeskConfig()), list[Outgoing]()
    for minute in range(1, 12):
        members = [name for name in MEMBERS if not (name == B and 7 <= minute < 9)]
        out += desk.on_batch([standing(minute, *members)])
        for name in members:
            gone = name == D and minute == 4
            out += desk.on_batch([closed(absence(minute, D)) if gone else told(minute, name)])
    told_of = contexts(out)[A]
    lacking = {context.ts_close // MINUTE - ns(0) // MINUTE: context.tainted.get("dispersion") for context in told_of}
    assert {minute: reason for minute, reason in lacking.items() if reason} == {
        4: f"{D}: its return is not known", 5: f"{D}: its return is not known",
        7: f"{B}: its return is not known", 9: f"{B}: its return is not known",
    }  # fmt: skip
    assert [context.features["dispersion"] is None for context in told_of] == [True, *[False] * 10]


def test_a_strategy_sees_it_with_the_vector() -> None:
    """What of it is tainted stands among the signal's remarks."""
    desk = Desk(DeskConfig())
    out = desk.on_batch([standing(99, *MEMBERS), *[told(1, name) for name in MEMBERS]])
    out += desk.on_batch([closed(absence(2, D)), *[told(2, name) for name in (B, C)]])
    rising = vector(2, {**RISING, "return_1": 0.001}, instrument_id=A)
    out += desk.on_batch([closed(rising, known=definition(A))])
    (signal,) = signals(out, "signals.published")
    assert (signal.instrument_id, signal.quality) == (A, [f"{D}: its return is not known"])


@pytest.mark.parametrize("length", [1, 20])
def test_the_returns_it_is_made_of_are_those_of_the_vector(length: int) -> None:
    """They lie on the grid on which sums are exact."""
    returns = Returns((length,))
    for n in range(60):
        (value,) = returns.update(1e-8 * 1.37**n if n % 2 else 61_000.1 / 1.01**n)
        if value is not None and abs(value) < 1:
            assert (value * 2**53).is_integer()
