"""The application: routes, what holds for all of them, and what lives as long as it does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware

from api import errors
from api.config import ApiConfig
from api.database import Database
from api.hub import Hub
from api.metrics import Metrics
from api.middleware import Guard, Observer
from api.openapi import DescribedApi
from api.routes import bars, books, features, gaps, health, instruments, page, signals, stats, stream
from sinks.database import check_dsn

__all__ = ["create_app"]


def create_app(config: ApiConfig) -> FastAPI:
    """The read endpoint and the page over the store at ``config.dsn``; it starts whether or not that is reachable.

    Raises:
        DatabaseError: a malformed ``dsn``.
    """
    check_dsn(config.dsn)  # libpq's own words on it could hold the password, and they would be in the log
    app = DescribedApi(
        title="Candlewick", version=version("candlewick"), docs_url=None, redoc_url=None, lifespan=_lifespan
    )
    app.state.config = config
    app.state.metrics = Metrics()
    for module in (signals, bars, features, books, gaps, instruments, stats, health, stream, page):
        app.include_router(module.router)
    app.mount("/static", page.Files())
    errors.install(app)
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)
    app.add_middleware(Observer, metrics=app.state.metrics)
    app.add_middleware(Guard, allowed_hosts=(config.host, *config.allowed_hosts))
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    config: ApiConfig = app.state.config
    async with Database(config) as database:
        app.state.database = database
        app.state.hub = Hub(database, config, app.state.metrics)
        following = asyncio.create_task(app.state.hub.run())
        try:
            yield
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
