"""The read endpoint as a process."""

import errno
import ssl
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import psycopg

from flows.errors import FlowError
from flows.ports import listening_trouble
from flows.settings import Settings, limits
from flows.shelf import RegistryShelf
from flows.vitals import Pulse
from models.registry import Registry
from schemas.catalogue import FeatureEntry
from sinks.api_keys import list_keys
from sinks.database import DatabaseError, connect

__all__ = ["api_config", "claim_port", "run_api", "valid_keys"]


def run_api(settings: Settings, catalogue: tuple[FeatureEntry, ...] = ()) -> None:
    """Serve the API and the page until SIGTERM or Ctrl-C; ``catalogue`` is what the features mean.

    Raises:
        FlowError: the port is taken, the certificate cannot be used, or others would reach it and nobody has a key.
    """
    config = api_config(settings, catalogue)
    claim_port(settings)
    _check_certificate(settings)
    if not (config.is_local or config.open_to_all) and valid_keys(settings) == 0:
        raise FlowError(
            f"api.host {config.host} lets others in, and there is no API key: make one by `candlewick keys add NAME"
            " --role read`, or set api.open_to_all = true to let everybody read"
        )
    with Pulse(settings.supervisor.dir, "api") as pulse:

        def tick() -> None:
            pulse.turn()
            pulse.at_work()

        import_module("api.server").make_server(config, tick).run()


def api_config(settings: Settings, catalogue: tuple[FeatureEntry, ...] = ()) -> Any:
    """What the API is told of ``settings``: an `api.config.ApiConfig`."""
    # By name, since the arrows between packages go the other way: the API reads, and nobody here depends on it.
    given = settings.api.model_dump(exclude={"tls_certificate", "tls_key"})
    files = {name: getattr(settings.api, name) for name in ("tls_certificate", "tls_key")}
    return import_module("api.config").ApiConfig(
        dsn=settings.database.reader,
        **given,
        **{name: path and str(path) for name, path in files.items()},
        vitals=settings.supervisor.dir,
        catalogue=catalogue,
        shelf=RegistryShelf(Registry(settings.models.dir), settings.database.reader),
        limits=limits(settings),
    )


def valid_keys(settings: Settings) -> int | None:
    """How many keys open the API now; ``None``: the database does not say, and then the API lets nobody in."""
    try:
        with connect(settings.database.reader) as connection:
            return sum(key.is_valid(datetime.now(UTC)) for key in list_keys(connection))
    except (DatabaseError, psycopg.Error):
        return None


def claim_port(settings: Settings) -> None:
    """Say it by name if the API cannot listen where it is meant to.

    Raises:
        FlowError: another program does, the port is for others, or the host is none of this machine's.
    """
    host, port = settings.api.host, settings.api.port
    trouble = listening_trouble(host, port)
    if trouble is None:
        return
    if trouble.errno in {errno.EADDRINUSE, errno.EACCES}:
        raise FlowError(
            f"api.port {port} on {host}: {trouble.strerror}; stop what listens there or set CANDLEWICK_API__PORT"
        ) from trouble
    raise FlowError(
        f"api.host {host!r}: {trouble.strerror}; set CANDLEWICK_API__HOST to an address of this machine"
    ) from trouble


def _check_certificate(settings: Settings) -> None:
    certificate, key = settings.api.tls_certificate, settings.api.tls_key
    if certificate is None or key is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except OSError as error:  # an SSLError is one
        files = f"api.tls_certificate {certificate}, api.tls_key {key}"
        wanted = "PEM files are wanted, the key without a password"
        raise FlowError(f"{files}: {error.strerror or error}; {wanted}") from error
