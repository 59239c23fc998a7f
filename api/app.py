"""The application: routes, what holds for all of them, and what lives as long as it does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware

from api import errors
from api.access import Keyring
from api.config import ApiConfig
from api.database import Database
from api.hub import Hub
from api.limits import Gate
from api.metrics import Metrics
from api.middleware import Guard, Observer
from api.openapi import DescribedApi
from api.readiness import Readying
from api.routes import (
    bars,
    books,
    catalogue,
    features,
    gaps,
    health,
    instruments,
    keys,
    levels,
    models,
    page,
    signals,
    stats,
    stream,
)
from sinks.database import check_dsn
from sinks.exposition import VitalsCollector

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
    app.state.metrics = Metrics(None if config.vitals is None else VitalsCollector(config.vitals, config.limits))
    app.state.keyring = Keyring(config)
    for module in (
        signals,
        bars,
        features,
        catalogue,
        books,
        levels,
        gaps,
        instruments,
        models,
        stats,
        health,
        keys,
        stream,
        page,
    ):
        app.include_router(module.router)
    app.mount("/static", page.Files())
    errors.install(app)
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)
    # From the inside out: whoever is refused for asking too often is counted, and told the same headers as anybody.
    app.add_middleware(Gate, config=config, keyring=app.state.keyring)
    app.add_middleware(Observer, metrics=app.state.metrics)
    if config.cors_origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=config.cors_origins, allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"], expose_headers=["Retry-After"],
        )  # fmt: skip
    app.add_middleware(Guard, allowed_hosts=(config.host, *config.allowed_hosts), origins=config.cors_origins)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    config: ApiConfig = app.state.config
    async with Database(config) as database:
        app.state.database = database
        app.state.readying = Readying(database, config)
        app.state.hub = Hub(database, config, app.state.metrics)
        await app.state.keyring.refresh(database)
        following = [
            asyncio.create_task(app.state.hub.run()),
            asyncio.create_task(app.state.keyring.follow(database)),
        ]
        try:
            yield
        finally:
            for task in following:
                task.cancel()
            await asyncio.gather(*following, return_exceptions=True)
