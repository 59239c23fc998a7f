"""Where records go, and that no two different ones share an identifier."""

from itertools import combinations
from typing import Any

import pytest

from operators.closed import Closed
from operators.outbox import Outbox
from schemas.results import Gap
from schemas.topics import BY_NAME, Outgoing
from tests.operators.support import ID, START, told

PLAIN: dict[str, Any] = {"kind": "late", "start": START, "end": START + 1, "ts_received": START + 2}


def gap(**fields: Any) -> Gap:
    outbox = Outbox[Closed](ID)
    outbox.gap(**{**PLAIN, **fields})
    (found,) = told(outbox.take(), Gap)
    return found


def test_addressed_to_its_topic_under_the_instruments_key() -> None:
    outbox = Outbox[Closed](ID)
    outbox.gap(**PLAIN)
    (sent,) = outbox.take()
    assert isinstance(sent, Outgoing)
    assert (sent.topic, sent.key, sent.ts_ms) == ("quality.gaps", ID, START // 1_000_000)
    assert sent.topic in BY_NAME
    assert outbox.take() == []


def test_an_identifier_says_all_that_the_record_says() -> None:
    others: list[dict[str, Any]] = [
        {}, {"kind": "too_late"}, {"start": START + 1}, {"end": START + 2}, {"ts_received": START + 3}, {"expected": 0},
        {"expected": 1}, {"received": 0}, {"received": 1}, {"count": 2}, {"detail": "x"},
    ]  # fmt: skip
    for one, other in combinations(others, 2):
        assert gap(**one).id != gap(**other).id
    assert gap() == gap()


@pytest.mark.parametrize("instrument_id", ["okx:BTC/USDT", "x:ü\U0001f56f"])
def test_of_another_instrument_it_is_another(instrument_id: str) -> None:
    outbox = Outbox[Closed](instrument_id)
    outbox.gap(**PLAIN)
    (found,) = told(outbox.take(), Gap)
    assert (found.instrument_id, found.id == gap().id) == (instrument_id, False)
