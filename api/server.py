"""The server process: uvicorn, set up for a few browsers and many patient clients."""

import logging
import signal
import socket
from collections.abc import Callable
from types import FrameType
from typing import Final

import uvicorn

from api.app import create_app
from api.config import ApiConfig
from api.connections import bounded

__all__ = ["make_server"]

_SEND_BUFFER: Final = 1 << 17
"""Bytes that the kernel keeps for a connection (it takes twice as many): its own bound, 4 MB, is too far off."""
_BACKLOG: Final = 128
"""Connections that the kernel keeps in line. The event loop takes all of them before it refuses one, and meanwhile they
hold descriptors, of which a process usually may have 1,024."""


def _is_alarming(record: logging.LogRecord) -> bool:
    # What uvicorn says after each refusal of a handshake that it was given whole: any stranger could fill the log.
    return "without completing handshake" not in str(record.msg)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, give_up_s: float, tick: Callable[[], None]) -> None:
        super().__init__(config)
        self._give_up_s = give_up_s
        self._tick = tick

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Has the kernel cut off whoever takes nothing for too long: a close waits for what is still to be sent."""
        await super().startup(sockets)
        for listening in (each for server in self.servers for each in server.sockets):  # connections inherit these
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(1000 * self._give_up_s))
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)

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
            server_header=False, http=bounded(config),
            loop="asyncio",  # else whatever other packages happen to bring along
            backlog=_BACKLOG, ws_max_size=4096, ws_ping_interval=config.ping_s,
            ws_ping_timeout=config.ping_s,
            ws_per_message_deflate=False,  # it costs more time than the sending, and memory for every client
            timeout_graceful_shutdown=3, forwarded_allow_ips=list(config.trusted_proxies),
            ssl_certfile=config.tls_certificate, ssl_keyfile=config.tls_key,
        ),
        config.give_up_s,
        tick,
    )  # fmt: skip
