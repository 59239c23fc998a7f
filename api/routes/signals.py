"""Signals: what was published, and what was proposed and did not get so far."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api import examples
from api.access import READ
from api.database import Store, require_instrument
from api.openapi import answers
from api.paging import cut
from api.parameters import SignalParameters, Symbol, after_position
from api.views import SignalPage, SignalView, answer, timed
from sinks.queries import SignalFilter, signals

__all__ = ["router"]

router = APIRouter(tags=["signals"])
Parameters = Annotated[SignalParameters, Query()]


@router.get("/signals", dependencies=[READ], responses=answers(SignalPage, examples.SIGNALS))
async def all_signals(store: Store, parameters: Parameters) -> Response:
    """Signals of all instruments, newest first."""
    return await _page(store, parameters, None)


@router.get("/signals/{symbol:path}", dependencies=[READ], responses=answers(SignalPage, examples.SIGNALS, named=True))
async def signals_of(store: Store, symbol: Symbol, parameters: Parameters) -> Response:
    """Signals of one instrument, newest first."""
    return await _page(store, parameters, symbol)


async def _page(store: Store, parameters: SignalParameters, symbol: str | None) -> Response:
    chosen = SignalFilter(instrument_id=symbol, **parameters.model_dump(exclude={"cursor", "limit"}))
    after = after_position(parameters.cursor)
    async with store.read() as connection:
        if symbol is not None:
            await require_instrument(connection, symbol)
        rows = await signals(connection, chosen, limit=parameters.limit + 1, after=after)
    shown, following = cut(rows, parameters.limit, lambda signal: (signal.ts_event, signal.id))
    return answer(SignalPage(items=[timed(SignalView, row, row.ts_event) for row in shown], next=following))
