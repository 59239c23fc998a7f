"""What the supervisor answers over HTTP: is it up, is all ready, how does it do."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST

from flows.errors import FlowError
from schemas.vitals import Check

__all__ = ["endpoint"]

_JSON: Final = "application/json"


@contextmanager
def endpoint(host: str, port: int, checks: Callable[[], list[Check]], metrics: Callable[[], bytes]) -> Iterator[int]:
    """Serve ``/health``, ``/ready`` and ``/metrics``, and give the port (for ``port`` 0: any free one).

    Raises:
        FlowError: the port is taken.
    """

    class Handler(BaseHTTPRequestHandler):
        timeout = 5.0
        server_version, sys_version = "candlewick", ""

        def do_GET(self) -> None:
            match self.path.partition("?")[0]:
                case "/health":
                    self._answer(200, msgspec.json.encode({"status": "up"}))
                case "/ready":
                    told = checks()
                    ready = all(check.ok for check in told)
                    self._answer(200 if ready else 503, msgspec.json.encode({"ready": ready, "checks": told}))
                case "/metrics":
                    self._answer(200, metrics(), CONTENT_TYPE_LATEST)
                case _:
                    self._answer(404, msgspec.json.encode({"error": "there are /health, /ready and /metrics"}))

        def _answer(self, status: int, body: bytes, kind: str = _JSON) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, the name is the library's
            """Requests are not logged."""

    try:
        server = ThreadingHTTPServer((host, port), Handler)
    except OSError as error:
        raise FlowError(
            f"supervisor.port {port} on {host}: {error.strerror}; stop what listens there or set "
            "CANDLEWICK_SUPERVISOR__PORT"
        ) from error
    with server:
        thread = Thread(target=server.serve_forever, name="endpoint", daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
