"""Times in five fields."""

from datetime import UTC, datetime

import pytest

from flows.cron import Cron
from flows.errors import FlowError


@pytest.mark.parametrize(
    ("text", "begin", "expected"),
    [
        ("0 3 1 * *", "2024-01-31T23:59", "2024-02-01T03:00"),
        ("*/15 * * * *", "2024-05-01T00:15", "2024-05-01T00:30"),
        ("30 12 29 2 *", "2024-03-01T00:00", "2028-02-29T12:30"),
        ("0 0 13 * 5", "2024-09-01T00:00", "2024-09-06T00:00"),  # a Friday or a thirteenth
        ("0 0 * * 7", "2024-05-01T00:00", "2024-05-05T00:00"),
        ("5,10 1-3/2 * * *", "2024-05-01T01:10", "2024-05-01T03:05"),
    ],
)
def test_cron(text: str, begin: str, expected: str) -> None:
    found = Cron(text).after(datetime.fromisoformat(begin).replace(tzinfo=UTC))
    assert found == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize("text", ["* * * *", "61 * * * *", "* * 0 * *", "a * * * *", "*/0 * * * *", "5-1 * * * *"])
def test_no_cron(text: str) -> None:
    with pytest.raises(FlowError, match="cron"):
        Cron(text)


def test_a_time_that_never_comes_is_told() -> None:
    with pytest.raises(FlowError, match="there is no such time"):
        Cron("0 0 31 2 *").after(datetime(2024, 1, 1, tzinfo=UTC))
