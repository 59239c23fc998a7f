"""What the API refuses to start with."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from flows.embedded.postgres import EmbeddedPostgres
from flows.errors import FlowError
from flows.serve import claim_port, run_api, valid_keys
from flows.settings import ApiSettings, DatabaseSettings, Settings
from sinks.api_keys import add_key
from sinks.database import connect
from sinks.migrate import migrate
from tests.integration.timescale_fixtures import new_database


@pytest.fixture
def store(embedded: EmbeddedPostgres) -> Iterator[DatabaseSettings]:
    with new_database(embedded.dsn) as dsn:
        migrate(dsn)
        yield DatabaseSettings(dsn=dsn)


@pytest.mark.parametrize(
    "api", [ApiSettings(host="::", port=8311), ApiSettings(allowed_hosts=("desk.example",), port=8311)]
)
def test_where_others_reach_it_somebody_has_to_have_a_key(store: DatabaseSettings, api: ApiSettings) -> None:
    with connect(store.dsn) as connection:
        add_key(connection, "desk", "read", days=1e-9)  # has ended
    with pytest.raises(FlowError, match=r"there is no API key: make one by `candlewick keys add NAME --role read`"):
        run_api(Settings(api=api, database=store))
    with connect(store.dsn) as connection:
        add_key(connection, "desk", "read")
    assert valid_keys(Settings(api=api, database=store)) == 1


def test_a_certificate_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    pair = trustme.CA().issue_cert("127.0.0.1")
    pair.cert_chain_pems[0].write_to_path(tmp_path / "chain.pem")
    for key in (tmp_path / "no.pem", tmp_path / "chain.pem"):
        api = ApiSettings(port=8311, tls_certificate=tmp_path / "chain.pem", tls_key=key)
        with pytest.raises(FlowError, match=rf"api.tls_certificate .*chain.pem, api.tls_key {key}: "):
            run_api(Settings(api=api))


@pytest.mark.parametrize("host", ["256.1.1.1", "no.such.host.invalid", "192.0.2.1"])
def test_a_host_that_is_not_ours_is_not_the_ports_fault(host: str) -> None:
    """It is named, with what would be right."""
    with pytest.raises(FlowError, match=rf"api\.host '{host}': .*CANDLEWICK_API__HOST"):
        claim_port(Settings(api=ApiSettings(host=host)))


def test_a_port_that_is_taken_is_named() -> None:
    """And the setting for another one."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(FlowError, match=rf"api\.port {port} on 127.0.0.1: .*CANDLEWICK_API__PORT"):
            claim_port(Settings(api=ApiSettings(port=port)))
