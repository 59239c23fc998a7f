"""The server process: uvicorn, set up for a few browsers and many patient clients."""

import logging
import signal
from collections.abc import Callable
from types import FrameType

import uvicorn

from api.app import create_app
from api.config import ApiConfig

__all__ = ["make_server"]


def _is_alarming(record: logging.LogRecord) -> bool:
    # What uvicorn says after each refusal of a handshake that it was given whole: any stranger could fill the log.
    return "without completing handshake" not in str(record.msg)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, tick: Callable[[], None]) -> None:
        super().__init__(config)
        self._tick = tick

    async def on_tick(self, counter: int) -> bool:
        """Called by the event loop ten times a second."""
        self._tick()
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002, the signature is uvicorn's
        """Ends in order and with status 0; a second Ctrl-C does not wait for anybody."""
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True


def make_server(config: ApiConfig, tick: Callable[[], None] = lambda: None) -> uvicorn.Server:
    """A server for ``config``; ``run()`` it, or set ``should_exit`` to end it.

    Parameters:
        tick: called by the event loop about ten times a second, once it serves.
    """
    logging.getLogger("uvicorn.error").addFilter(_is_alarming)
    return _Server(
        uvicorn.Config(
            create_app(config), host=config.host, port=config.port, log_level="warning", access_log=False,
            server_header=False, ws_max_size=4096, ws_ping_interval=20.0, ws_ping_timeout=20.0,
            timeout_graceful_shutdown=3, forwarded_allow_ips=list(config.trusted_proxies),
            ssl_certfile=config.tls_certificate, ssl_keyfile=config.tls_key,
        ),
        tick,
    )  # fmt: skip
