"""Every part against a broker and a database that take TLS and a password."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tests.integration.certificates import Certificates, certificates
from tests.integration.kafka_broker import KafkaBroker, MissingError, fetch
from tests.integration.kafka_broker import _free_port as free_port
from tests.integration.pipeline import COMMAND
from tests.integration.timescale_server import MissingError as NoTimescaleError
from tests.integration.timescale_server import TimescaleServer
from tests.integration.timescale_server import fetch as fetch_timescale

pytestmark = pytest.mark.integration

PASSWORD: Final = "correct-horse-battery"  # noqa: S105, a made-up one
WRONG: Final = "wrong-horse-battery"
_NOBODY: Final = 65534
_LOGIN: Final = f'org.apache.kafka.common.security.plain.PlainLoginModule required user_candlewick="{PASSWORD}";'


@pytest.fixture(scope="module")
def files() -> Iterator[Certificates]:
    with tempfile.TemporaryDirectory(prefix="tls-") as folder:
        Path(folder).chmod(0o755)  # the database's server runs as another user
        yield certificates(Path(folder))


class SecuredBroker(KafkaBroker):
    """With a second listener, where one has to encrypt and to say a password."""

    def __init__(self, workdir: Path, jars: Path, archive: Path, files: Certificates) -> None:
        properties = {
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURED:SASL_SSL",
            "ssl.keystore.type": "PEM", "ssl.keystore.location": str(files.keystore),
            "sasl.enabled.mechanisms": "PLAIN", "listener.name.secured.plain.sasl.jaas.config": _LOGIN,
        }  # fmt: skip
        super().__init__(workdir, jars, archive=archive, properties=properties)
        self.secured = f"127.0.0.1:{free_port()}"
        for name in {"listeners", "advertised.listeners"} & self._properties.keys():
            self._properties[name] += f",SECURED://{self.secured}"


@pytest.fixture(scope="module")
def broker(files: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredBroker]:
    try:
        jars, archive = fetch()
    except MissingError as error:
        pytest.skip(f"real Apache Kafka: not run, because {error}")
    with SecuredBroker(tmp_path_factory.mktemp("kafka"), jars, archive, files) as started:
        yield started


@pytest.fixture(scope="module")
def dsn(files: Certificates) -> Iterator[str]:
    """A connection string that checks who the server is, of a role that has to give its password."""
    try:
        packages = fetch_timescale()
    except NoTimescaleError as error:
        pytest.skip(f"real TimescaleDB: not run, because {error}")
    hba = files.chain.with_name("hba.conf")
    hba.write_text("local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n")
    key = files.chain.with_name("postgres.pem")
    key.touch(0o600)
    key.write_bytes(files.key.read_bytes())
    if os.geteuid() == 0:
        os.chown(key, _NOBODY, _NOBODY)
    port = free_port()
    server = TimescaleServer(
        packages, listen_addresses="127.0.0.1", port=str(port), hba_file=str(hba), ssl="on",
        ssl_cert_file=str(files.chain), ssl_key_file=str(key),
    )  # fmt: skip
    server.dsn = make_conninfo(server.dsn, port=port)
    with server:
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute(f"CREATE ROLE candlewick SUPERUSER LOGIN PASSWORD '{PASSWORD}'".encode())
            connection.execute("CREATE DATABASE candlewick OWNER candlewick")
        yield (
            f"postgresql://candlewick:{PASSWORD}@127.0.0.1:{port}/candlewick"
            f"?sslmode=verify-full&sslrootcert={files.authority}"
        )


@pytest.fixture(scope="module")
def environment(
    broker: SecuredBroker, dsn: str, files: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    return {
        **os.environ,
        "CANDLEWICK_KAFKA__BOOTSTRAP": broker.secured,
        "CANDLEWICK_KAFKA__PARTITIONS": "2",
        "CANDLEWICK_KAFKA__CLIENT": client(PASSWORD, files.authority),
        "CANDLEWICK_DATABASE__DSN": dsn,
        "CANDLEWICK_ENGINE__RECOVERY_DIR": str(tmp_path_factory.mktemp("engine") / "recovery"),
        "CANDLEWICK_ENGINE__WORKERS": "2",
    }


def client(password: str, authority: Path) -> str:
    """What librdkafka is told."""
    return msgspec.json.encode({
        "security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN", "sasl.username": "candlewick",
        "sasl.password": password, "ssl.ca.location": str(authority),
    }).decode()  # fmt: skip


def candlewick(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """A subcommand to its end."""
    return subprocess.run(
        [*COMMAND, *arguments], env=environment, text=True, capture_output=True, timeout=120, check=False
    )


def test_all_parts_work_where_all_is_encrypted(environment: dict[str, str]) -> None:
    for words in (
        "topics create", "migrate", "ingest --simulate --seconds 120 --seed 3", "run --until-end", "store --until-end",
        "doctor",
    ):  # fmt: skip
        done = candlewick(*words.split(), **environment)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        assert PASSWORD not in done.stdout + done.stderr
    with psycopg.connect(environment["CANDLEWICK_DATABASE__DSN"]) as connection:
        assert connection.execute("SELECT count(*) > 0 FROM bars").fetchone() == (True,)
        assert connection.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone() == (True,)


@pytest.mark.parametrize(
    ("words", "password", "right_authority", "reason"),
    [
        ("topics check", WRONG, True, "SASL authentication error: Authentication failed: Invalid username or password"),
        ("run --until-end", WRONG, True, "SASL authentication error"),
        ("ingest --simulate --seconds 1", PASSWORD, False, "certificate verify failed"),
        ("store --until-end", PASSWORD, False, "certificate verify failed"),
    ],
)
def test_a_broker_that_does_not_let_us_in_is_told_by_one_line(
    environment: dict[str, str], files: Certificates, words: str, password: str, right_authority: bool, reason: str
) -> None:
    told = client(password, files.authority if right_authority else files.stranger)
    done = candlewick(*words.split(), **{**environment, "CANDLEWICK_KAFKA__CLIENT": told})
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"candlewick: Kafka at {environment['CANDLEWICK_KAFKA__BOOTSTRAP']} does not let us in: ")
    assert reason in line
    assert password not in line


@pytest.mark.parametrize("words", ["migrate", "keys list"])
@pytest.mark.parametrize(
    ("mistake", "reason"),
    [
        ((PASSWORD, WRONG), 'password authentication failed for user "candlewick"'),
        (("authority.pem", "stranger.pem"), "certificate verify failed"),
        (("verify-full", "disable"), "no pg_hba.conf entry"),
    ],
)
def test_a_database_that_does_not_let_us_in_is_told_by_one_line(
    environment: dict[str, str], words: str, mistake: tuple[str, str], reason: str
) -> None:
    dsn = environment["CANDLEWICK_DATABASE__DSN"].replace(*mistake)
    done = candlewick(*words.split(), **{**environment, "CANDLEWICK_DATABASE__DSN": dsn})
    assert done.returncode == 75  # as where it is away: it may be mended there
    (line,) = done.stderr.splitlines()
    assert line.startswith("candlewick: database host=127.0.0.1 ")
    assert reason in line
    assert not any(password in line for password in (PASSWORD, WRONG))


def test_the_doctor_tells_it_all_at_once(environment: dict[str, str], files: Certificates) -> None:
    dsn = environment["CANDLEWICK_DATABASE__DSN"].replace(PASSWORD, WRONG)
    wrong = {"CANDLEWICK_KAFKA__CLIENT": client(WRONG, files.authority), "CANDLEWICK_DATABASE__DSN": dsn}
    done = candlewick("doctor", "--json", **{**environment, **wrong})
    assert done.returncode == 1
    assert "SASL authentication error" in done.stdout
    assert "password authentication failed" in done.stdout
    assert WRONG not in done.stdout + done.stderr
