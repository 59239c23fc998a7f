"""How much one caller may ask: so often, and so many bytes."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.access import Keyring, presented
from api.config import ApiConfig
from api.errors import problem

__all__ = ["Gate", "Rate", "network"]

_MOST: Final = 10_000  # callers that are remembered; one that is forgotten begins anew
_BURST_S: Final = 2.0  # what may come at once: as much as in this time


class Rate:
    """The generic cell rate algorithm: a caller is remembered by one number, the time at which it is owed nothing.

    Reference: ITU-T I.371, annex A (virtual scheduling).
    """

    def __init__(self, per_second: float, now: Callable[[], float] = time.monotonic) -> None:
        self._step, self._now = 1.0 / per_second, now
        self._due: OrderedDict[str, float] = OrderedDict()

    def wait(self, caller: str) -> float:
        """Count a request, or give the seconds after which it would be counted."""
        now = self._now()
        due = max(self._due.get(caller, now), now) + self._step
        if due - now > _BURST_S:
            return due - now - _BURST_S
        self._due[caller] = due
        self._due.move_to_end(caller)
        if len(self._due) > _MOST:
            self._due.popitem(last=False)
        return 0.0


class Gate:
    """Notes who asks and whom it counts for, and refuses who asks too often (429) or sends too much (413)."""

    def __init__(self, app: ASGIApp, config: ApiConfig, keyring: Keyring) -> None:
        self._app, self._keyring = app, keyring
        self._rate, self._max_body = Rate(config.rate_limit), config.max_body
        self._too_long = f"a body of more than {config.max_body} bytes is not taken"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, or refuse."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        caller = self._keyring.identify(presented(headers))
        account = f"key {caller.key}" if caller.key else network(scope["client"][0] if scope.get("client") else "")
        scope.setdefault("state", {}).update(caller=caller, account=account)
        wait = self._rate.wait(account)
        length = headers.get("content-length", "0")
        if wait:
            seconds = math.ceil(wait)
            refusal = problem(429, f"too many requests; ask again in {seconds} s", {"Retry-After": str(seconds)})
        elif not length.isdecimal() or int(length[:20]) > self._max_body:
            refusal = problem(413, self._too_long)
        else:
            await self._app(scope, self._limited(receive), send)
            return
        await refusal(scope, receive, send)

    def _limited(self, receive: Receive) -> Receive:
        """For a body whose length was not said."""
        taken = 0

        async def limited() -> Message:
            nonlocal taken
            message = await receive()
            if message["type"] == "http.request":
                taken += len(message.get("body", b""))
                if taken > self._max_body:
                    raise HTTPException(413, self._too_long)
            return message

        return limited


@lru_cache(_MOST)
def network(host: str) -> str:
    """Whom an address is counted as: itself; of IPv6 its network, of which one host has all addresses."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return address.packed[:8].hex()
    return host
