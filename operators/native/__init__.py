"""Where the event path runs compiled: the same bytes come out, in less time (`docs/adr/0011`)."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from operators.bars import OpenBar
from operators.flow.resilience import PATIENCE
from operators.ladder import Ladder
from operators.numbering import RESTART
from operators.quote_queue import QuoteQueue
from schemas.codec import encode
from schemas.compiled import current

if TYPE_CHECKING:
    from operators.book import OrderBook
    from operators.closing import BarMaker
    from operators.config import InstrumentConfig
    from operators.desk.returns import Comoments, Returns
    from operators.flow.recorder import Recorder
    from operators.native._native import FastPath
    from operators.quoting import Quoting
    from operators.seen import SeenIds

if current(Path(__file__).with_name("_native.pyx")):
    from operators.native import _native
else:  # no C compiler was there at the set-up, or the sources are newer than it
    _native = None  # type: ignore[assignment]  # as nothing is asked of it without `BUILT`

__all__ = ["BUILT", "asking", "bars", "fast_path", "moving", "quote_queue", "shape", "sides"]

BUILT: Final[bool] = _native is not None
"""Whether `deploy.native` has built it here; else Python does everything."""


def sides(*, native: bool) -> tuple[Ladder, Ladder]:
    """Empty bids and asks."""
    make = _native.Ladder if native and BUILT else Ladder
    return make(1), make(-1)


def quote_queue(most: int, *, native: bool) -> QuoteQueue:
    """An empty one, for ``most`` quotes."""
    return (_native.QuoteQueue if native and BUILT else QuoteQueue)(most)


def bars(*, native: bool) -> type[OpenBar]:
    """What a bar is while it can still change."""
    return _native.OpenBar if native and BUILT else OpenBar


def asking(*, native: bool) -> Callable[..., dict[str, Any]] | None:
    """The twin of `operators.features.asked`; ``None``: there is none."""
    return _native.asked if native and BUILT else None


def shape(book: "OrderBook") -> tuple[float | None, ...]:
    """The twin of `operators.flow.shape.shape`, for a book whose sides are compiled."""
    return _native.shape(book)


def moving(*, native: bool) -> "tuple[type[Returns], type[Comoments]] | None":
    """The twins of the classes of `operators.desk.returns`; ``None``: there are none."""
    return (_native.Returns, _native.Comoments) if native and BUILT else None


def fast_path(
    instrument_id: str, config: "InstrumentConfig", quoting: "Quoting", bars: "BarMaker", recorder: "Recorder",
    seen: "SeenIds",
) -> "FastPath | None":  # fmt: skip
    """What takes an instrument's plain records; ``None``: nothing does."""
    if not (config.native and BUILT):
        return None
    return _native.FastPath(
        encode(instrument_id), quoting, bars, recorder, seen,
        tolerance=config.future_tolerance, restart=RESTART, patience=PATIENCE,
    )  # fmt: skip
