"""The API as it runs: a server on a port of its own, in a thread."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from api.config import ApiConfig
from api.server import make_server

__all__ = ["running", "wait_for"]


@contextmanager
def running(config: ApiConfig) -> Iterator[str]:
    """Serve ``config`` (port 0: any free one) and give the address, without a slash at its end."""
    server = make_server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        wait_for(lambda: server.started or not thread.is_alive())
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"{'https' if config.tls_key else 'http'}://{config.host}:{port}"
    finally:
        server.should_exit = True
        thread.join(10)
    assert not thread.is_alive()


def wait_for(condition: object, seconds: float = 10.0) -> None:
    """Until ``condition()`` is true."""
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
