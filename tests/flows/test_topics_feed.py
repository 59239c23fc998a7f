"""A user's own topics: how they are named, and when they are told that what they gave has arrived."""

from collections.abc import Iterator
from typing import Self

import pytest

from flows import ingest as module
from flows.errors import FlowError
from flows.feeds import topics_feed
from flows.ingest import ingest
from schemas.errors import CandlewickError
from schemas.market import MarketEvent, Trade
from schemas.time import SECOND
from sources.malformed import Malformed

NOWHERE = {"bootstrap.servers": "127.0.0.1:1"}
T0 = 1_723_161_600 * SECOND


@pytest.mark.parametrize("named", ["trades", "trades=", "=t", "", "trades=a,", "trades=a,trades=b"])
def test_topics_are_named_by_kind_each_once(named: str) -> None:
    with pytest.raises(FlowError, match=f"--topics {named}: '.*' should be KIND=TOPIC, each kind once"):
        topics_feed(NOWHERE, named)


def test_an_unknown_kind_is_told_before_any_broker_is_asked() -> None:
    with pytest.raises(CandlewickError, match="topics of 'klines' are not known, only of trades, books, derivatives"):
        topics_feed(NOWHERE, "trades = my.trades, klines = my.klines")


class StubWriter:
    """Says in `happened` what is asked of it."""

    def __init__(self, happened: list[str]) -> None:
        self.happened = happened

    def write(self, _event: object) -> None:
        self.happened.append("write")

    def reject(self, _letter: object) -> None:
        self.happened.append("reject")

    def flush(self) -> None:
        self.happened.append("flush")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        """Nothing to end."""


def test_a_feed_is_told_only_after_a_flush_and_never_of_what_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_COMMIT_S", 0.0)
    happened: list[str] = []

    def feed() -> Iterator[MarketEvent | Malformed]:
        happened.append("read")
        yield Trade(instrument_id="my:A/B", ts_event=T0, ts_received=T0, price=1.0, size=1.0)
        happened.append("read")
        yield Malformed(feed="t", partition=0, offset=2, raw=b"{", reason="cut short", ts_received=T0)

    ingest(feed(), StubWriter(happened), lambda: happened.append("commit"))
    told = ["flush", "commit"]
    assert happened == ["read", "write", *told, "read", "reject", *told, *told]
