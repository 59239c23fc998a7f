"""Who belongs together: the references and sectors of the settings, as instruments of the desk."""

from collections.abc import Mapping, Sequence
from typing import Any

from operators.desk.cross_entries import STRENGTH
from operators.desk.returns import GRID, KEPT, Returns

__all__ = ["Groups", "reference"]


def reference(named: str, instrument_id: str) -> str:
    """The instrument that is meant by ``named``, an instrument or a symbol of the venue of ``instrument_id``.

    >>> reference("BTC/USDT:USDT", "okx:SOL/USDT:USDT"), reference("binance:BTC/USDT", "okx:SOL/USDT")
    ('okx:BTC/USDT:USDT', 'binance:BTC/USDT')
    """
    return named if "/" not in named.partition(":")[0] else f"{instrument_id.partition(':')[0]}:{named}"


class _Group:
    __slots__ = ("names", "run", "strength")

    def __init__(self, names: tuple[str, ...], run: int = 0) -> None:
        self.names = names
        self.run = run  # closes for which it has been made up of these, up to `KEPT`
        self.strength: int | None = None  # the sum of their returns over `STRENGTH` bars


class Groups:
    """The returns of the others of a sector, summed, of each that is in one.

    Instruments named in full make one group of a sector, and those of each venue that are named by their symbol
    another. Whenever one of a group comes or is lost, sums of before and after are not of the same: they begin anew.
    """

    __slots__ = ("_group_of", "_groups", "_sectors")

    def __init__(self, sectors: Mapping[str, Sequence[str]]) -> None:
        self._sectors = {named: sector for sector, names in sectors.items() for named in names}
        self._groups: dict[str, _Group] = {}
        self._group_of: dict[str, _Group] = {}  # of the members of the last close

    def names(self, instrument_id: str) -> tuple[str, ...]:
        """Those of its group whose return of the last bar is known, itself among them."""
        group = self._group_of.get(instrument_id)
        return () if group is None else group.names

    def strength(self, instrument_id: str, own: int) -> float | None:
        """The mean return over `STRENGTH` bars of the others of its group, of which ``own`` is its own."""
        group = self._group_of.get(instrument_id)
        if group is None or group.strength is None or len(group.names) < 2:
            return None
        return (group.strength - own) / (len(group.names) - 1) / GRID

    def begin(self) -> None:
        """There is a hole in the closes."""
        self._groups = {}

    def follow(self, known: Mapping[str, Returns], peers: Mapping[str, Returns], strong: Mapping[str, int]) -> None:
        """Move the ``peers`` of all members on by the bar that is the last of those ``known``.

        ``strong`` are returns over `STRENGTH` bars of those that have so many.
        """
        members: dict[str, list[str]] = {}
        for name in peers:
            key = self._key(name)
            if key is not None:
                members.setdefault(key, []).append(name)
        before, self._groups, self._group_of = self._groups, {}, {}
        for key, names in members.items():
            made_of = tuple(sorted(name for name in names if name in known))
            group = before.get(key)
            if group is None or group.names != made_of:
                group = _Group(made_of)
            group.run = min(group.run + 1, KEPT)
            self._groups[key] = group
            strengths = [strong[name] for name in made_of if name in strong]
            group.strength = sum(strengths) if len(strengths) == len(made_of) and group.run >= STRENGTH else None
            total = sum(known[name].last for name in made_of)
            for name in names:
                self._group_of[name] = group
                if group.run == 1 or name not in known:
                    peers[name].clear()
                if name in known and len(made_of) > 1:
                    peers[name].push(total - known[name].last)

    def state(self) -> dict[str, Any]:
        """Plain data for recovery; the peers' returns follow from everybody's own."""
        return {key: [list(group.names), group.run] for key, group in self._groups.items()}

    def restore(self, state: dict[str, Any], own: Mapping[str, Returns], peers: Mapping[str, Returns]) -> None:
        """Take up ``state`` again, and fill the ``peers`` from everybody's ``own`` returns."""
        self._groups = {key: _Group(tuple(names), run) for key, (names, run) in state.items()}
        for group in self._groups.values():
            if len(group.names) < 2:
                continue
            for ago in range(group.run, 0, -1):
                total = sum(own[name].values[-ago] for name in group.names)
                for name in group.names:
                    peers[name].push(total - own[name].values[-ago])

    def _key(self, instrument_id: str) -> str | None:
        sector = self._sectors.get(instrument_id)
        if sector is not None:
            return sector
        venue, _, symbol = instrument_id.partition(":")
        sector = self._sectors.get(symbol)
        return None if sector is None else f"{sector} of {venue}"
