"""The log that everything is measured on: recorded tapes, copied to as many instruments as wanted."""

import re
from collections.abc import Iterator
from itertools import chain
from math import sin
from pathlib import Path
from typing import Final

import msgspec

from flows.feeds import recorded_feed, simulated_feed
from flows.ingest import Recorder, ingest
from schemas.codec import decode_event, encode
from schemas.market import CONTROL, ExchangeBar, MarketEvent, Membership, Trade
from schemas.partitioner import partition_for
from schemas.time import MINUTE, SECOND, floor_to
from sources.simulator import LISTINGS, Simulator, SimulatorConfig

__all__ = ["BASE", "PARTITIONS", "SIMULATED", "Written", "copies", "recording"]

BASE: Final = 6
"""Instruments of the recording."""
PARTITIONS: Final = 12
_TAPES: Final = Path(__file__).resolve().parents[2] / "shared/data/ws_raw/binance_2024-08-08"
_VENUES: Final = {"spot": "binance", "cm": "binancecoinm", "usdm": "binanceusdm"}
_START: Final = 1_723_161_254 * SECOND  # where the tapes begin
SIMULATED: Final = (
    *LISTINGS,
    *(msgspec.structs.replace(one, instrument_id=one.instrument_id.replace("sim:", "simtoo:")) for one in LISTINGS),
)[:BASE]
"""What stands in for the tapes."""
_HEAD: Final = re.compile(rb'\{"type":"(\w+)","instrument_id":"([^"]+)"')
_RECEIVED: Final = re.compile(rb'"ts_received":(\d+)')


class Written(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A message as ingest writes it."""

    key: str
    partition: int
    value: bytes
    ts_received: int
    """Nanoseconds."""
    kind: bytes


def recording(folder: Path) -> tuple[Path, str]:
    """The tapes as a log of six instruments, made once in ``folder``, and what it is.

    Where the tapes are not on the machine a simulated market of six instruments stands in, and the name says so.
    """
    tapes = sorted(_TAPES.glob("*.gz"))
    name = "tapes of 2024-08-08" if tapes else "simulated market"
    path = folder / f"{name.replace(' ', '-')}.jsonl"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        inputs = [f"{_VENUES[tape.name.partition('_')[0]]}={tape}" for tape in tapes]
        config = SimulatorConfig(seed=7, start=_START, duration=650 * SECOND, instruments=SIMULATED)
        feed = recorded_feed(inputs, None) if tapes else simulated_feed(Simulator(config))
        with Recorder(path) as writer:
            ingest(feed.items, writer)
    return path, name


def copies(path: Path, *, instruments: int, seconds: float, history: int = 0) -> Iterator[Written]:
    """The first ``seconds`` of the recording as if of ``instruments``, after ``history`` minutes of bars.

    A copy differs in its identifier alone, so all copies of an instrument close at the same moments. With an hour of
    bars before it indicators are ready, and the desk has something to decide.
    """
    names: dict[str, list[str]] = {}
    places: dict[str, int] = {}
    until: float | None = None
    with path.open("rb") as file:
        for line in chain(map(encode, _history(path, history)), file):
            head, received = _HEAD.match(line), _RECEIVED.search(line)
            assert head is not None
            assert received is not None
            kind, old, at = head[1], head[2], int(received[1])
            if kind != b"bar":
                until = at + seconds * SECOND if until is None else until
                if at > until:
                    return
            base, value = old.decode(), line.rstrip(b"\n")
            if base == CONTROL:
                if kind == b"membership":
                    value = _membership(value, names, instruments)
                yield Written(CONTROL, _partition(CONTROL, places), value, at, kind)
                continue
            for name in _names(base, names, instruments):
                renamed = value.replace(old, name.encode(), 1) if name != base else value
                yield Written(name, _partition(name, places), renamed, at, kind)


def _history(path: Path, minutes: int) -> list[MarketEvent]:
    """Bars of a market that goes up and down a little, to the first prices of each instrument."""
    first: dict[str, Trade] = {}
    with path.open("rb") as file:
        for line in file:
            event = decode_event(line)
            if isinstance(event, Trade):
                first.setdefault(event.instrument_id, event)
                if len(first) == BASE:
                    break
    bars: list[MarketEvent] = []
    for minute in range(-minutes, 0):
        for phase, trade in enumerate(first.values()):
            begin = floor_to(trade.ts_event, MINUTE) + minute * MINUTE
            prices = [trade.price * (1 + 0.002 * sin((minute + i) / 9 + phase)) for i in (0, 1)]
            bars.append(
                ExchangeBar(
                    instrument_id=trade.instrument_id, ts_event=begin + MINUTE, ts_received=begin + MINUTE,
                    timeframe="1m", ts_open=begin, open=prices[0], high=max(prices) * 1.0002, low=min(prices) * 0.9998,
                    close=prices[1], volume=100.0 + 10 * (minute % 7), trades=100, buy_volume=50.0,
                )
            )  # fmt: skip
    return bars


def _membership(value: bytes, names: dict[str, list[str]], instruments: int) -> bytes:
    event = decode_event(value)
    assert isinstance(event, Membership)
    of_all = [name for base in event.instrument_ids for name in _names(base, names, instruments)]
    return encode(msgspec.structs.replace(event, instrument_ids=of_all))


def _names(base: str, names: dict[str, list[str]], instruments: int) -> list[str]:
    known = names.get(base)
    if known is None:
        count = (instruments - len(names) + BASE - 1) // BASE
        venue, _, symbol = base.partition(":")
        coin, _, rest = symbol.partition("/")
        known = names[base] = [base, *(f"{venue}:{coin}{number:02d}/{rest}" for number in range(1, count))]
    return known


def _partition(name: str, places: dict[str, int]) -> int:
    place = places.get(name)
    if place is None:
        place = places[name] = partition_for(name, PARTITIONS)
    return place
