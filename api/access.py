"""Who asks, and what that one may: keys are told apart here, and each route declares the role that it takes."""

import asyncio
import logging
from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import Depends, Security
from fastapi.openapi.models import HTTPBearer
from fastapi.security import SecurityScopes
from fastapi.security.base import SecurityBase
from msgspec import Struct
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection

from api.config import ApiConfig
from api.database import Database
from api.errors import ApiError, ForbiddenError, UnauthorizedError, UnavailableError
from sinks.api_keys import ROLES, KeyRole, StoredKey, key_id, matches, stored_keys

__all__ = ["ADMIN", "READ", "REVIEW", "SUBPROTOCOL", "WATCH", "Caller", "Keyring", "Watcher", "presented"]

_log: Final = logging.getLogger(__name__)
SUBPROTOCOL: Final = "candlewick"
"""What a browser offers beside its key when it opens a WebSocket, to which it cannot give headers."""
_NO_KEY: Final = "this takes a key: send `Authorization: Bearer cwk_...`; `candlewick keys add` makes one"
_WRONG_KEY: Final = "this key is unknown or has ended; `candlewick keys add` makes another"


class Caller(Struct, frozen=True):
    """Who asks."""

    role: KeyRole | None = None
    """What may be done; ``None``: nothing that takes a role."""
    key: str | None = None
    """Identifier of a valid key."""
    name: str = ""
    wrong: bool = False
    """A key was sent that opens nothing."""


class Keyring:
    """The keys of the store, looked at every few seconds: a request waits for no database to be known.

    While the store is away those it knew go on. Before it was ever asked nobody is let in.
    """

    def __init__(self, config: ApiConfig) -> None:
        self._config, self._is_local = config, config.is_local
        self._known: dict[str, StoredKey] | None = None
        self._failure = "the keys are not known yet; ask again"

    async def follow(self, store: Database) -> None:
        """Look again for ever."""
        while True:
            await asyncio.sleep(self._config.keys_interval_s)
            await self.refresh(store)

    async def refresh(self, store: Database) -> None:
        """Look once."""
        try:
            async with store.read() as connection:
                self._known = await stored_keys(connection)
        except UnavailableError as error:
            self._failure = str(error)
        except Exception:
            _log.exception("the keys cannot be read: nobody is let in until they can")
            self._known, self._failure = None, "the keys cannot be read; the API's log has the details"

    def identify(self, text: str | None) -> Caller:
        """Whom a key belongs to; ``None``: the request had none."""
        if text is None:
            return Caller("read" if self._is_open() else None)
        known = (self._known or {}).get(key_id(text) or "")
        if known is None or not matches(text, known) or not known.key.is_valid(datetime.now(UTC)):
            return Caller(wrong=True)
        return Caller(known.key.role, known.key.id, known.key.name)

    def still(self, caller: Caller) -> bool:
        """Whether one who came in may stay."""
        if self._known is None:
            return True
        if caller.key is None:
            return self._is_open()
        known = self._known.get(caller.key)
        return known is not None and known.key.role == caller.role and known.key.is_valid(datetime.now(UTC))

    def check(self, caller: Caller, role: KeyRole) -> None:
        """Let ``caller`` do what takes ``role``.

        Raises:
            UnavailableError: the keys are not known.
            UnauthorizedError: no key, or one that opens nothing.
            ForbiddenError: a key of a lesser role.
        """
        if self._known is None and caller.role is None:
            raise UnavailableError(self._failure)
        if caller.role is None or (caller.key is None and role != "read"):
            raise UnauthorizedError(_WRONG_KEY if caller.wrong else _NO_KEY)
        if ROLES.index(caller.role) < ROLES.index(role):
            raise ForbiddenError(f"key {caller.key} has the role {caller.role}, and this takes {role}")

    def _is_open(self) -> bool:
        return self._config.open_to_all or (self._is_local and self._known == {})


class _Key(SecurityBase):
    """How the OpenAPI document describes it."""

    scheme_name = "key"
    model = HTTPBearer(
        description="A key of `candlewick keys add`. Where none was ever made and only this machine is served, reading "
        "takes none."
    )

    async def __call__(self, connection: HTTPConnection) -> Caller:
        caller: Caller = connection.state.caller
        return caller


_Asking = Annotated[Caller, Security(_Key())]


async def _allow(connection: HTTPConnection, caller: _Asking, needed: SecurityScopes) -> None:
    for role in needed.scopes:
        connection.app.state.keyring.check(caller, role)


READ: Final = Security(_allow, scopes=["read"])
"""A dependency of a route: the role that it takes."""
REVIEW: Final = Security(_allow, scopes=["review"])
ADMIN: Final = Security(_allow, scopes=["admin"])


async def _watch(connection: HTTPConnection, caller: _Asking) -> None:
    if not connection.app.state.config.is_local:
        connection.app.state.keyring.check(caller, "read")


async def _may_watch(connection: HTTPConnection) -> bool:
    try:
        await _watch(connection, connection.state.caller)
    except ApiError:
        return False
    return True


WATCH: Final = Security(_watch, scopes=["read"])
"""To see how the process does. Whoever is on this machine may, so that a monitor needs neither key nor database."""
Watcher = Annotated[bool, Depends(_may_watch)]
"""A route's parameter: whether the caller may."""


def presented(headers: Headers) -> str | None:
    """The key that came with a request: as a bearer token, or beside `SUBPROTOCOL` in a WebSocket's handshake."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    offered = [word.strip() for word in headers.get("sec-websocket-protocol", "").split(",")]
    return next((word for word in offered if word and word != SUBPROTOCOL), None) if SUBPROTOCOL in offered else None
