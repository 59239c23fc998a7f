"""Counts of what came late, until they are told."""

from operators.closed import Closed
from operators.lateness import Lateness
from operators.outbox import Outbox
from schemas.time import MINUTE, SECOND
from tests.operators.support import ID, START, gaps


def test_each_count_is_told_once() -> None:
    lateness, outbox = Lateness(), Outbox[Closed](ID)
    lateness.revised, lateness.trades, lateness.quotes, lateness.bars = 1, 2, 3, 4
    lateness.tell(outbox, START, START + 1, START + 2)
    lateness.tell(outbox, START, START + 1, START + 2)
    assert [(gap.kind, gap.detail, gap.count) for gap in gaps(outbox.take())] == [
        ("late", "", 1), ("too_late", "trades", 2), ("too_late", "quotes", 3), ("too_late", "bars", 4),
    ]  # fmt: skip


def test_overdue_two_minutes_after_it_was_first_asked_whichever_way_receipts_go() -> None:
    for way in (1, -1):
        lateness = Lateness()
        assert not any(lateness.overdue(START + way * i * MINUTE) for i in range(10))
        lateness.quotes = 1
        asked = [lateness.overdue(START + way * i * SECOND) for i in range(130)]
        assert asked == [False] * 120 + [True] * 10
        lateness.tell(Outbox[Closed](ID), START, START, START)
        lateness.trades = 1
        assert not lateness.overdue(START + way * 200 * SECOND)
