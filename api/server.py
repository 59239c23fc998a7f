"""The server process: uvicorn, set up for a few browsers and many patient clients."""

import uvicorn

from api.app import create_app
from api.config import ApiConfig

__all__ = ["make_server"]


def make_server(config: ApiConfig) -> uvicorn.Server:
    """A server for ``config``; ``run()`` it, or set ``should_exit`` to end it."""
    return uvicorn.Server(
        uvicorn.Config(
            create_app(config), host=config.host, port=config.port, log_level="warning", access_log=False,
            server_header=False, ws_max_size=4096, ws_ping_interval=20.0, ws_ping_timeout=20.0,
            timeout_graceful_shutdown=3,
        )
    )  # fmt: skip
