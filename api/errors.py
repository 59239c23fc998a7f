"""What a caller is told when a request cannot be answered: a status and one line of JSON, never a traceback."""

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
import psycopg
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from msgspec import Struct
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests
from starlette.exceptions import HTTPException

from schemas.errors import CandlewickError

__all__ = [
    "ApiError", "BadQueryError", "ForbiddenError", "NotFoundError", "Problem", "UnauthorizedError", "UnavailableError",
    "install", "problem", "reason",
]  # fmt: skip


class Problem(Struct, frozen=True):
    """The body of every answer that is not a success."""

    error: str
    """One line: what is wrong, and what would be right."""


class ApiError(CandlewickError):
    """A request that is answered with a `Problem`."""

    status = 500
    headers: ClassVar[Mapping[str, str]] = {}


class BadQueryError(ApiError):
    """A parameter that cannot be used."""

    status = 422


class UnauthorizedError(ApiError):
    """What is asked takes a key."""

    status = 401
    headers: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": 'Bearer realm="candlewick"'}


class ForbiddenError(ApiError):
    """What is asked takes a key of another role."""

    status = 403


class NotFoundError(ApiError):
    """Something asked for by name that is not there."""

    status = 404


class UnavailableError(ApiError):
    """The answer is in a database that cannot give it now."""

    status = 503


def reason(error: BaseException) -> UnavailableError:
    """What a failure of the database means to a caller; `error` is its cause."""
    match error:
        case PoolTimeout() | PoolClosed() | TooManyRequests() | psycopg.errors.AdminShutdown():
            text = "the database cannot be reached; `candlewick doctor` says why"
        case psycopg.errors.QueryCanceled():
            text = "the database took too long; ask for a shorter span or a smaller limit"
        case psycopg.errors.UndefinedTable() | psycopg.errors.UndefinedFunction() | psycopg.errors.UndefinedColumn():
            text = "the database lacks tables of this version; `candlewick migrate` makes them"
        case psycopg.errors.InsufficientPrivilege():
            text = "the database role may not read the tables; grant it candlewick_read and candlewick_keys"
        case psycopg.OperationalError():
            text = "the connection to the database was lost; ask again"
        case _:
            text = f"the database refused: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
    return UnavailableError(text)


def install(app: FastAPI) -> None:
    """Answer every kind of failure of ``app`` with a `Problem`."""

    @app.exception_handler(ApiError)
    async def on_api_error(_: Request, error: ApiError) -> Response:
        return problem(error.status, str(error), error.headers)

    @app.exception_handler(RequestValidationError)
    async def on_bad_query(_: Request, error: RequestValidationError) -> Response:
        return problem(422, "; ".join(_line(entry) for entry in error.errors()))

    @app.exception_handler(HTTPException)
    async def on_http_error(request: Request, error: HTTPException) -> Response:
        texts = {
            404: f"there is nothing at {request.url.path}; /openapi.json lists what there is",
            405: f"{request.method} is not possible here; everything is read by GET",
        }
        return problem(error.status_code, texts.get(error.status_code, str(error.detail)), error.headers)


def problem(status: int, text: str, headers: Mapping[str, str] | None = None) -> Response:
    """The answer that says ``text``."""
    return Response(msgspec.json.encode(Problem(text)), status, headers, "application/json")


def _line(entry: Any) -> str:
    name = ".".join(str(part) for part in entry["loc"][1:])
    text: str = entry["msg"].removeprefix("Value error, ").replace("Input should", "it should")
    if not name:
        return text
    if entry["type"] == "extra_forbidden":
        return f"{name}: there is no such parameter here"
    if entry["type"] == "missing":
        return f"{name}: has to be given"
    return f"{name} = {entry['input']!r:.100}: {text}"
