"""The watch over a topic's partitions; that it notices more of them is in tests/integration/test_kafka_log.py."""

import threading
from typing import Any

from sources.kafka import consumer_settings
from sources.partitions import PartitionWatch
from tests.kafka_tools import put


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "partitions"]


def test_it_lasts_as_long_as_somebody_reads(embedded_kafka: dict[str, Any]) -> None:
    before = len(threads())
    watch = PartitionWatch(consumer_settings(embedded_kafka), put(embedded_kafka, [], "watched"), 4)
    watch.enter()
    watch.enter()
    watch.leave()
    (mine,) = threads()[before:]
    watch.check()
    watch.leave()
    mine.join(10)
    assert not mine.is_alive()
