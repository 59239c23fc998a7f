"""Settings of the two ways to write."""

from typing import Any

import pytest

from sinks.producers import transactional_settings


@pytest.mark.parametrize("timeout_s", [2.0, 60.0])
def test_two_deaf_connections_do_not_outlast_a_transaction(timeout_s: float) -> None:
    """By its own choice the client gives one up just as the broker aborts what it held up."""
    settings = transactional_settings({"bootstrap.servers": "127.0.0.1:1"}, "x", timeout_s)
    assert 2 * settings["socket.timeout.ms"] < settings["transaction.timeout.ms"]


def test_what_the_user_says_of_connections_counts() -> None:
    client: dict[str, Any] = {"bootstrap.servers": "127.0.0.1:1", "socket.timeout.ms": 2_000}
    assert transactional_settings(client, "x", 60.0)["socket.timeout.ms"] == 2_000
