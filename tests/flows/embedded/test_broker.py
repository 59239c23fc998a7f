"""The embedded broker: its topics, and that it never outlives who started it."""

import signal
import socket
import subprocess
import sys
import time

import pytest
from confluent_kafka import cimpl

from flows.embedded import mock_cluster
from flows.embedded.broker import EmbeddedBroker
from flows.errors import FlowError
from schemas.topics import TOPICS
from sinks.clients import admin, existing

HOLD = """
import sys
from flows.embedded.broker import EmbeddedBroker
with EmbeddedBroker() as broker:
    print(broker.bootstrap, flush=True)
    sys.stdin.read()
"""


def listens(bootstrap: str) -> bool:
    host, port = bootstrap.split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def test_has_the_registrys_topics_and_ends_with_its_block() -> None:
    with EmbeddedBroker(partitions=3) as broker:
        found = existing(admin({"bootstrap.servers": broker.bootstrap}))
        assert found == {topic.name: topic.partitions or 3 for topic in TOPICS}
    assert not listens(broker.bootstrap)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_ends_with_its_parent_however_that_one_ends(number: signal.Signals) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    bootstrap = parent.stdout.readline()
    assert listens(bootstrap)
    parent.send_signal(number)
    parent.communicate()
    deadline = time.monotonic() + 10
    while listens(bootstrap):
        assert time.monotonic() < deadline, "the broker outlived its parent"
        time.sleep(0.01)


def test_a_library_without_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cimpl, "__file__", None)  # the program itself, which is no librdkafka
    with pytest.raises(FlowError, match="embedded Kafka: this librdkafka has no rd_kafka_conf_new"):
        mock_cluster.start_cluster({})
