"""All that is measured between two closes of one instrument."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from operators.flow.ofi import FlowPart
from operators.flow.part import Flow
from operators.flow.spread import SpreadMeter, SpreadPart
from operators.microstructure import BestQuote, Move, OrderFlowImbalance
from operators.state import Slotted

__all__ = ["Recorder", "add_flow", "restored_flow"]

_PARTS: Final[dict[str, Any]] = {"ofi": FlowPart, "spread": SpreadPart}


class Recorder(Slotted):
    """Hands each meter what it measures, and takes the minute's parts from them."""

    __slots__ = ("_ofi", "_spread")

    def __init__(self) -> None:
        self._ofi = OrderFlowImbalance()
        self._spread = SpreadMeter()

    def begin(self, ts: int) -> None:
        """Nothing is known of what came before ``ts`` (ns)."""
        self.lose_quotes(ts)
        self.take(ts)

    def quotes(self, quotes: Sequence[BestQuote], moves: Sequence[Move]) -> None:
        """Take the best quotes after each change in order, and those among them whose prices are others."""
        self._ofi.update(quotes)
        self._spread.update(moves)

    def lose_quotes(self, ts: int) -> None:
        """From ``ts`` (ns) on the best quotes are not known."""
        self._ofi.lose()
        self._spread.lose(ts)

    def take(self, end: int) -> Flow:
        """What was seen up to ``end`` (ns) since last taken."""
        flow: Flow = {}
        ofi = self._ofi.take()
        if ofi is not None:
            flow["ofi"] = FlowPart(ofi)
        spread = self._spread.take(end)
        if spread is not None:
            flow["spread"] = spread
        return flow


def add_flow(flow: Flow, later: Flow) -> None:
    """Add ``later`` to ``flow``."""
    for name, part in later.items():
        known = flow.get(name)
        flow[name] = part if known is None else known.plus(part)


def restored_flow(state: dict[str, Any]) -> Flow:
    """The flow whose plain data this is."""
    return {name: msgspec.convert(values, _PARTS[name]) for name, values in state.items()}
