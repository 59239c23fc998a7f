"""Across instruments: how each member moves with BTC, with its sector and beside all others, close by close."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Container, Iterable, Sequence
from math import fsum, sqrt
from typing import Any

import msgspec

from operators.config import MarketConfig
from operators.desk.cross_entries import APART, ENTRIES, LEAST, RANK, STRENGTH
from operators.desk.peers import Groups, reference
from operators.desk.returns import BOUND, GRID, KEPT, Comoments, Returns
from operators.native import moving
from schemas.results import Vector

__all__ = ["CrossSection"]

Values = tuple[float | None, ...]
_Taint = tuple[int, str]
"""The last close (ns) at which a return was tainted, and why."""


class _Pair:
    """A member beside one benchmark."""

    __slots__ = ("apart", "moments")

    def __init__(self, moments: Comoments) -> None:
        self.moments = moments
        self.apart = False  # at the last close

    def values(self, scale: int, strength: float | None) -> Values:
        """Those of `_beside`, for a benchmark that is the mean of ``scale`` series whose sum is followed."""
        moments = self.moments
        beta, shift, lead = moments.beta(), moments.shift(), moments.lead() or (None, None)
        before, self.apart = self.apart, shift is not None and shift <= APART
        event = None if shift is None else float(self.apart and not before)
        return moments.correlation(), None if beta is None else beta * scale, *lead, shift, event, strength


class _Slot:
    """What is kept of a member."""

    __slots__ = ("btc", "named", "own", "peers", "sector", "taint")

    def __init__(
        self, named: tuple[str, str, str], returns: Callable[[], Returns], moments: Callable[[], Comoments]
    ) -> None:
        self.named = named  # BTC, ETH and SOL as they are meant for it
        self.own, self.peers = returns(), returns()
        self.btc, self.sector = _Pair(moments()), _Pair(moments())
        self.taint: _Taint | None = None


class CrossSection:
    """All members' vectors of one timeframe, one close after the other.

    A return counts if the vector of the close before was there too: it then spans one bar, the same for all. Windows
    hold bars that follow one another without a hole; after one they fill anew, and are ``None`` until full. Sums are
    of integers, so neither the order of members nor a restart changes a bit.

    Parameters
    ----------
    length
        Of the timeframe, ns.
    native
        Sums are compiled where they can be, as long as returns are not beyond all measure.
    """

    __slots__ = ("_groups", "_kinds", "_length", "_majors", "_market", "_packed", "_slots", "_taint", "_ts")

    def __init__(self, length: int, market: MarketConfig, *, native: bool = True) -> None:
        self._length, self._market = length, market
        self._kinds = moving(native=native) or (Returns, Comoments)
        self._groups = Groups(market.sectors)
        self._slots: dict[str, _Slot] = {}
        self._majors: dict[tuple[str, str], Comoments] = {}
        self._taint: _Taint | None = None  # of anybody
        self._ts = 0
        self._packed: msgspec.Raw | None = None

    def update(
        self, ts_close: int, vectors: Iterable[Vector], absent: Iterable[str] = ()
    ) -> dict[str, tuple[Values, dict[str, str]]]:
        """Take the vectors of a close; by instrument the values of `FEATURES`, and those tainted with the reason.

        ``absent`` are members without a vector at this close.
        """
        ordered = sorted(vectors, key=lambda vector: vector.instrument_id)
        before = self._slots.keys()
        self._move(ts_close, ordered)
        slots = self._slots
        members = sorted({*absent, *before, *slots})
        known = {name: slot.own for name, slot in slots.items() if len(slot.own)}
        strong = {
            vector.instrument_id: round(value * GRID)
            for vector in ordered
            if len(slots[vector.instrument_id].own) >= STRENGTH and (value := vector.features["return_20"]) is not None
        }
        self._groups.follow(known, {name: slot.peers for name, slot in slots.items()}, strong)
        beside = {name: self._beside(name, slot, strong) for name, slot in slots.items()}
        majors = self._between_majors()
        dispersion, ranked = _dispersion(known.values()), sorted(strong.values())
        broken = (self._taint is not None and self._taint[0] == ts_close) or any(name not in known for name in members)
        tainted = self._taint is not None and self._taint[0] > ts_close - KEPT * self._length
        beyond = {
            **({} if dispersion is None else _incomplete("dispersion", members, known)),
            **({} if len(ranked) < LEAST else _incomplete(RANK, members, strong)),
        }
        return {
            name: (
                (*beside[name], *majors[slot.named], dispersion, _rank(ranked, strong.get(name)), float(broken)),
                beyond | self._tainted(name) if tainted else beyond,
            )
            for name, slot in slots.items()
        }

    def _move(self, ts_close: int, vectors: Sequence[Vector]) -> None:
        """Take this bar's returns; who was not there at the close before begins anew."""
        if self._kinds[0] is not Returns and _beyond(vector.features["return_1"] or 0.0 for vector in vectors):
            state, self._kinds = self.state(), (Returns, Comoments)
            self.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(state)))
        follows = ts_close - self._length == self._ts
        before, self._slots = self._slots if follows else {}, {}
        self._ts, self._packed = ts_close, None
        if not follows:
            self._groups.begin()
        for vector in vectors:
            name = vector.instrument_id
            slot = before.get(name)
            if slot is None:
                slot = self._slot(name)
            elif (value := vector.features["return_1"]) is None:
                slot.own.clear()
            else:
                slot.own.push(round(value * GRID))
            reason = vector.tainted.get("return_1")
            if reason is not None:
                slot.taint = (ts_close, reason)
                if self._taint is None or self._taint[0] < ts_close:
                    self._taint = (ts_close, f"{name}: {reason}")
            self._slots[name] = slot

    def _beside(self, name: str, slot: _Slot, strong: dict[str, int]) -> Values:
        btc = slot.named[0]
        other = self._slots.get(btc) if btc != name else None
        if other is None:
            slot.btc.moments.forget()
        else:
            slot.btc.moments.follow(slot.own, other.own)
        slot.sector.moments.follow(slot.own, slot.peers)
        own, of_btc = strong.get(name), strong.get(btc) if other is not None else None
        of_peers = None if own is None else self._groups.strength(name, own)
        return (
            *slot.btc.values(1, _strength(own, None if of_btc is None else of_btc / GRID)),
            *slot.sector.values(len(self._groups.names(name)) - 1, _strength(own, of_peers)),
        )

    def _slot(self, name: str) -> _Slot:
        market = self._market
        named = reference(market.btc, name), reference(market.eth, name), reference(market.sol, name)
        return _Slot(named, *self._kinds)

    def _between_majors(self) -> dict[tuple[str, str, str], Values]:
        """The correlations of BTC, ETH and SOL, as they are meant for each of the members."""
        before, self._majors = self._majors, {}
        found: dict[tuple[str, str, str], Values] = {}
        for named in dict.fromkeys(slot.named for slot in self._slots.values()):
            _, eth, sol = (self._slots.get(name) for name in named)
            last: float | None = None
            if eth is not None and sol is not None:
                pair = self._majors[named[1:]] = before.get(named[1:]) or self._kinds[1]()
                pair.follow(eth.own, sol.own)
                last = pair.correlation()
            first = (None if slot is None else slot.btc.moments.correlation() for slot in (eth, sol))
            found[named] = (*first, last)
        return found

    def _tainted(self, name: str) -> dict[str, str]:
        """The features that a tainted return has gone into."""
        named = self._slots[name].named
        sources = {
            "btc": (name, named[0]),
            "sector": self._groups.names(name) or (name,),
            "majors": named,
        }
        taints = {of: self._newest(name, names) for of, names in sources.items()} | {"all": self._taint}
        found: dict[str, str] = {}
        for feature, of in ENTRIES:
            taint = taints[of]
            assert isinstance(feature.memory, int)
            if taint is not None and taint[0] > self._ts - (feature.memory - 1) * self._length:
                found[feature.name] = taint[1]
        return found

    def _newest(self, name: str, names: Iterable[str]) -> _Taint | None:
        """The newest taint of those ``names``, told with who it is unless that is ``name``."""
        newest: _Taint | None = None
        for each in names:
            slot = self._slots.get(each)
            if slot is not None and slot.taint is not None and (newest is None or slot.taint[0] > newest[0]):
                ts, reason = slot.taint
                newest = (ts, reason if each == name else f"{each}: {reason}")
        return newest

    def state(self) -> list[Any]:
        """Plain data for recovery; packed once a close, however often it is asked for."""
        if self._packed is None:
            slots = {
                name: [[x / GRID for x in slot.own.values], slot.taint, slot.btc.apart, slot.sector.apart]
                for name, slot in self._slots.items()
            }
            self._packed = msgspec.Raw(msgspec.msgpack.encode(slots))
        return [self._ts, self._taint, self._groups.state(), self._packed]

    def restore(self, state: list[Any]) -> None:
        """Take up ``state`` again, to the bit."""
        self._ts, taint, groups, slots = state
        self._taint = None if taint is None else (taint[0], taint[1])
        self._slots, self._majors, self._packed = {}, {}, None
        # One sum over all members at every place: more than is needed, and a leap stays in the state for an hour only.
        if _beyond(max(map(abs, values), default=0.0) for values, *_ in slots.values()):
            self._kinds = (Returns, Comoments)
        for name, (values, taint, btc, sector) in slots.items():
            slot = self._slots[name] = self._slot(name)
            slot.taint = None if taint is None else (taint[0], taint[1])
            slot.btc.apart, slot.sector.apart = btc, sector
            for value in values:
                slot.own.push(round(value * GRID))
        own = {name: slot.own for name, slot in self._slots.items()}
        self._groups.restore(groups, own, {name: slot.peers for name, slot in self._slots.items()})


def _beyond(returns: Iterable[float]) -> bool:
    """Whether ``returns``, or sums of them, are too large for compiled code."""
    return fsum(map(abs, returns)) * GRID >= BOUND


def _strength(own: int | None, of: float | None) -> float | None:
    return None if own is None or of is None or of <= -1.0 else (1.0 + own / GRID) / (1.0 + of) - 1.0


def _dispersion(known: Iterable[Returns]) -> float | None:
    last = [returns.last for returns in known]
    count, total = len(last), sum(last)
    return sqrt(count * sum(x * x for x in last) - total * total) / count / GRID if count >= LEAST else None


def _incomplete(feature: str, members: Sequence[str], known: Container[str]) -> dict[str, str]:
    """``feature`` is of all ``members``, or tainted."""
    lacking = [name for name in members if name not in known]
    return {feature: f"{lacking[0]}: its return is not known"} if lacking else {}


def _rank(ranked: list[int], value: int | None) -> float | None:
    if value is None or len(ranked) < LEAST:
        return None
    below, equal = bisect_left(ranked, value), bisect_right(ranked, value)
    return (below + equal - 1) / 2 / (len(ranked) - 1)
