"""What every fault has at hand: the form of the run, a market with its golden results, its row of the table."""

from functools import cache
from hashlib import sha256
from typing import Final, NamedTuple, Protocol

import msgspec
import pytest

from sources.simulator import Faults
from tests.faults.market import ROUGH, Market
from tests.faults.table import Finding
from tests.integration.timescale_server import TimescaleServer
from tests.shared import shared

_FULL_MINUTES: Final = 40.0


def pytest_addoption(parser: pytest.Parser) -> None:
    """How much is injected, and how long it may take."""
    parser.addoption("--faults", choices=["short", "full"], default="short", help="form of the fault suite")
    parser.addoption(
        "--fault-minutes", type=float, default=_FULL_MINUTES, help="rough length of the full form; less is injected"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What has no short form is no part of a short run."""
    if config.getoption("--faults", "short") != "full":
        left_out = [item for item in items if item.get_closest_marker("full")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


class Markets(Protocol):
    """A market of so many seconds, with such faults of its own."""

    def __call__(self, seconds: int, faults: Faults = ROUGH) -> Market: ...


class Form(NamedTuple):
    """Of this run."""

    full: bool
    share: float
    """Of what the full form injects when it has its time."""

    def amount(self, short: float, full: float) -> float:
        """How much of something: seconds, say."""
        return max(short, full * self.share) if self.full else short

    def limit_s(self, seconds: float) -> float:
        """How long something may take. The short form runs beside other tests, which take most of the machine."""
        return seconds if self.full else 4 * seconds

    def number(self, short: int, full: int) -> int:
        """The same as a whole number."""
        return round(self.amount(short, full))


@pytest.fixture(scope="session")
def form(request: pytest.FixtureRequest) -> Form:
    """Short in ``make test``, full in ``make test-faults``."""
    full = request.config.getoption("--faults", "short") == "full"
    return Form(full, min(1.0, request.config.getoption("--fault-minutes", _FULL_MINUTES) / _FULL_MINUTES))


@pytest.fixture
def finding(request: pytest.FixtureRequest) -> Finding:
    """The row of the file's fault."""
    return Finding(request.node.user_properties, request.node.get_closest_marker("fault").args[0])


@pytest.fixture(scope="session")
def market(timescale: TimescaleServer, tmp_path_factory: pytest.TempPathFactory) -> Markets:
    """A market of so many seconds with such faults of its own, made once a run."""

    @cache
    def made(seconds: int, faults: Faults = ROUGH) -> Market:
        name = f"market-{seconds}-{sha256(msgspec.json.encode(faults)).hexdigest()[:8]}"
        return shared(tmp_path_factory, name, lambda folder: Market.made(seconds, faults, folder, timescale.dsn))

    return made
