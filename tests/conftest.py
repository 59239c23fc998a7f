"""Servers for all who need one, and what a run says at its very end: what this machine lacked, and how long it took."""

from collections.abc import Generator, Iterator

import pytest
from hypothesis import settings

from flows.embedded.broker import CLIENT, EmbeddedBroker
from tests.faults.table import print_table
from tests.integration.kafka_fixtures import brokers, golden, kafka, recording, spare_brokers
from tests.integration.timescale_fixtures import database, embedded, empty_database, timescale, timescale_database
from tests.operators.indicators.support import take_all_bars
from tests.parts import print_parts

__all__ = [
    "brokers", "database", "embedded", "embedded_kafka", "empty_database", "golden", "kafka", "recording",
    "spare_brokers", "timescale", "timescale_database",
]  # fmt: skip

# Machines are shared: a slow moment is no failure. The same examples every time: a run says something of the change.
settings.register_profile("candlewick", deadline=None, derandomize=True)
settings.load_profile("candlewick")


@pytest.fixture(scope="session", autouse=True)
def vitals_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Processes that a test starts without settings write their vitals where no other test looks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CANDLEWICK_SUPERVISOR__DIR", str(tmp_path_factory.mktemp("vitals")))
        yield


@pytest.fixture(scope="session")
def embedded_kafka() -> Iterator[dict[str, str | int]]:
    """A client's settings for a broker where any topic is made on first use, with four partitions."""
    with EmbeddedBroker() as broker:
        yield {"bootstrap.servers": broker.bootstrap, **CLIENT}


def pytest_addoption(parser: pytest.Parser) -> None:
    """How far tests go."""
    parser.addoption("--examples", type=int, default=10, help="requests a path and mode in tests/api/test_fuzz.py")
    parser.addoption("--all-bars", action="store_true", help="indicators on all recorded bars, not on a sample of them")


def pytest_configure(config: pytest.Config) -> None:
    """Before the tests are collected, what they are held against is chosen."""
    if config.getoption("--all-bars"):
        take_all_bars()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Generator[None]:
    """Name each reason for which tests were skipped once, after everything else."""
    yield
    skipped = terminalreporter.getreports("skipped")
    reasons = [report.longrepr[2].removeprefix("Skipped: ") for report in skipped if isinstance(report.longrepr, tuple)]
    if reasons:
        terminalreporter.section("not run on this machine")
        for reason in dict.fromkeys(reasons):
            terminalreporter.line(f"{reason} ({reasons.count(reason)} tests)")
    print_table(terminalreporter)
    print_parts(terminalreporter)
