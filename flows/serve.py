"""The read endpoint as a process."""

import socket
from importlib import import_module
from typing import Any

from flows.errors import FlowError
from flows.settings import Settings

__all__ = ["claim_port", "run_api"]


def run_api(settings: Settings) -> None:
    """Serve the API and the page until SIGTERM or Ctrl-C.

    Raises:
        FlowError: the port is taken.
    """
    claim_port(settings)
    # By name, since the arrows between packages go the other way: the API reads, and nobody here depends on it.
    config: Any = import_module("api.config").ApiConfig(
        dsn=settings.database.read_dsn or settings.database.dsn,
        host=settings.api.host,
        port=settings.api.port,
        allowed_hosts=settings.api.allowed_hosts,
    )
    import_module("api.server").make_server(config).run()


def claim_port(settings: Settings) -> None:
    """Say it by name if another program listens where the API is meant to.

    Raises:
        FlowError: it does.
    """
    host, port = settings.api.host, settings.api.port
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise FlowError(
                f"api.port {port} on {host}: {error.strerror}; stop what listens there or set CANDLEWICK_API__PORT"
            ) from error
