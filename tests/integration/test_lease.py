"""One engine at a time, as a real broker has it."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sinks.errors import SinkError
from sinks.lease import Lease, read_stamp
from tests.integration.kafka_broker import KafkaBroker
from tests.integration.pipeline import until
from tests.kafka_tools import make_topic

pytestmark = pytest.mark.integration


class Holder:
    """A lease, and whether it was lost."""

    def __init__(self, kafka: KafkaBroker, note: Path, topic: str) -> None:
        self.gone = threading.Event()
        begun = time.monotonic()
        self.lease = Lease(kafka.client, note, self.gone.set, stamp=note.name, topic=topic, group=topic)
        self.waited = time.monotonic() - begun


@contextmanager
def held(kafka: KafkaBroker, note: Path, topic: str) -> Iterator[Holder]:
    holder = Holder(kafka, note, topic)
    with holder.lease:
        yield holder


def test_who_comes_last_has_it(kafka: KafkaBroker, tmp_path: Path) -> None:
    topic = make_topic(kafka.client, "lease", 1)
    assert read_stamp(kafka.client, topic=topic, group=topic) is None
    with held(kafka, tmp_path / "one", topic) as one:
        until((tmp_path / "one").exists, "a note")
        until(lambda: read_stamp(kafka.client, topic=topic, group=topic) == "one", "its stamp")
        with held(kafka, tmp_path / "two", topic) as two:
            assert one.gone.is_set()  # before its successor writes anything
            with pytest.raises(SinkError, match="another engine has taken over"):
                one.lease.check()
            two.lease.check()
            two.lease.confirm()
            until(lambda: read_stamp(kafka.client, topic=topic, group=topic) == "two", "another stamp")
            assert not two.gone.is_set()


def test_a_successor_in_the_same_place_does_not_wait(kafka: KafkaBroker, tmp_path: Path) -> None:
    topic = make_topic(kafka.client, "lease", 1)
    for _ in range(2):
        with held(kafka, tmp_path / "one", topic) as one:
            assert one.waited < 1.0
            until((tmp_path / "one").exists, "a note")
    with held(kafka, tmp_path / "two", topic) as two:
        assert two.waited >= 1.0


def test_a_broker_that_was_away_for_a_while_takes_nothing_from_anybody(kafka: KafkaBroker, tmp_path: Path) -> None:
    topic = make_topic(kafka.client, "lease", 1)
    with held(kafka, tmp_path / "one", topic) as one:
        until((tmp_path / "one").exists, "a note")
        kafka.kill()
        kafka.start()
        kafka.recover()
        assert not one.gone.is_set()
        with held(kafka, tmp_path / "two", topic):
            assert one.gone.wait(10)


def test_the_broker_knows_before_it_has_told(
    kafka: KafkaBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sinks.lease._HEARTBEAT_S", 60.0)
    topic = make_topic(kafka.client, "lease", 1)
    with held(kafka, tmp_path / "one", topic) as one:
        until((tmp_path / "one").exists, "a note")
        one.lease.confirm()
        with held(kafka, tmp_path / "two", topic) as two:
            with pytest.raises(SinkError, match="another engine has taken over"):
                one.lease.confirm()
            two.lease.confirm()
