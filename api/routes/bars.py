"""Bars, each in its latest revision."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api import examples
from api.access import READ
from api.database import Store, require_instrument
from api.openapi import answers
from api.paging import cut
from api.parameters import BarParameters, Symbol, after_position
from api.views import BarPage, BarView, answer, timed
from sinks.queries import bars

__all__ = ["router"]

router = APIRouter(tags=["market"])


@router.get("/bars/{symbol:path}", dependencies=[READ], responses=answers(BarPage, examples.BARS, named=True))
async def bars_of(store: Store, symbol: Symbol, parameters: Annotated[BarParameters, Query()]) -> Response:
    """Bars of an instrument and timeframe with `since <= close < until`, newest first."""
    after = after_position(parameters.cursor)
    async with store.read() as connection:
        await require_instrument(connection, symbol)
        rows = await bars(
            connection, symbol, parameters.timeframe,
            limit=parameters.limit + 1, since=parameters.since, until=parameters.until, after=after,
        )  # fmt: skip
    shown, following = cut(rows, parameters.limit, lambda bar: (bar.ts_close, bar.id))
    return answer(BarPage(items=[timed(BarView, row, row.ts_close) for row in shown], next=following))
