"""Book samples: the best levels about once a second, for people to look at."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api import examples
from api.access import READ
from api.database import Store, require_instrument
from api.openapi import answers
from api.parameters import BookParameters, Symbol
from api.views import BookMomentView, BooksView, BookView, answer, timed
from sinks.queries import book_series, latest_book

__all__ = ["router"]

router = APIRouter(tags=["market"])


@router.get("/books/{symbol:path}", dependencies=[READ], responses=answers(BooksView, examples.BOOKS, named=True))
async def books_of(store: Store, symbol: Symbol, parameters: Annotated[BookParameters, Query()]) -> Response:
    """The newest sample of an instrument's book, and mid and imbalance of those before, newest first."""
    async with store.read() as connection:
        await require_instrument(connection, symbol)
        latest = await latest_book(connection, symbol)
        series = await book_series(connection, symbol, limit=parameters.samples, since=parameters.since)
    return answer(
        BooksView(
            latest=None if latest is None else timed(BookView, latest, latest.ts_event),
            series=[timed(BookMomentView, moment, moment.ts_event) for moment in series],
        )
    )
