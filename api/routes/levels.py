"""Estimated liquidation levels by price, for people to look at."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api import examples
from api.access import READ
from api.database import Store, require_instrument
from api.openapi import answers
from api.parameters import LevelParameters, Symbol
from api.views import LevelsView, LevelView, answer, timed
from schemas.time import TIMEFRAME_NS
from sinks.queries import level_profiles

__all__ = ["router"]

router = APIRouter(tags=["market"])


@router.get("/levels/{symbol:path}", dependencies=[READ], responses=answers(LevelsView, examples.LEVELS, named=True))
async def levels_of(store: Store, symbol: Symbol, parameters: Annotated[LevelParameters, Query()]) -> Response:
    """Where positions of an instrument would be liquidated, an estimate at each close, newest first."""
    async with store.read() as connection:
        await require_instrument(connection, symbol)
        found = await level_profiles(
            connection, symbol, every=TIMEFRAME_NS[parameters.timeframe], limit=parameters.limit, since=parameters.since
        )
    return answer(LevelsView(items=[timed(LevelView, profile, profile.ts_close) for profile in found]))
