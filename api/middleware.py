"""What holds for every request: who may ask, what a browser may do with the answer, and that it is counted."""

import logging
import time
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import problem
from api.metrics import Metrics

__all__ = ["Guard", "Observer"]

_log: Final = logging.getLogger(__name__)
_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_SECURITY_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_HSTS: Final = "max-age=31536000"
"""Only said behind TLS: a year without plain HTTP."""


class Guard:
    """Lets nobody ask through a browser but the page that is served here.

    Without CORS headers other sites cannot read an answer; only ``origins`` get them. Two ways around that are closed
    here: a foreign name that is made to resolve to this host (rebinding), and a WebSocket, which browsers open across
    sites.
    """

    def __init__(self, app: ASGIApp, allowed_hosts: Iterable[str], origins: Iterable[str]) -> None:
        self._app = app
        self._names = {"localhost", *(name.lower() for name in allowed_hosts)}
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, or refuse with 403 (421 for a host that is not ours)."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return

        told = _SECURITY_HEADERS
        if scope["scheme"] in ("https", "wss"):
            told = {**told, "Strict-Transport-Security": _HSTS}

        async def secured(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                headers = MutableHeaders(scope=message)
                for name, value in told.items():
                    headers[name] = value
            await send(message)

        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self._is_ours(host):
            refusal = f"host {host!r:.100} is not served here; it can be allowed in the API's settings (allowed_hosts)"
            await problem(421, refusal)(scope, receive, secured)
        elif origin is not None and origin not in self._origins and not _is_same(origin, host):
            await problem(403, f"pages of {origin!r:.100} may not read here")(scope, receive, secured)
        else:
            await self._app(scope, receive, secured)

    def _is_ours(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:  # a bracket without its other half
            return False
        if name in self._names:
            return True
        try:
            ip_address(name)
        except ValueError:
            return False
        return True  # a browser that was rebound still names the foreign name


def _is_same(origin: str, host: str) -> bool:
    try:
        return urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:
        return False


class Observer:
    """Counts and times requests by the template of their route; answers for a defect in one line."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve and count."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, begun = 0, time.perf_counter()

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception:
            _log.exception("%s %s failed", scope["method"], scope["path"])
            if status:  # half of the answer is out: only a broken connection tells the caller
                raise
            await problem(500, "the API failed on this request; its log has the details")(scope, receive, noted)
        finally:
            route = _template(scope)
            method = scope["method"] if scope["method"] in _METHODS else "other"  # callers may invent any word
            self._metrics.requests.labels(method, route, status).inc()
            self._metrics.latency.labels(route).observe(time.perf_counter() - begun)


def _template(scope: Scope) -> str:
    # Paths themselves would make a time series each: there are endless ones.
    if (path := getattr(scope.get("route"), "path", None)) is not None:
        return str(path)
    return "/static" if scope["path"].startswith("/static/") else "none"
