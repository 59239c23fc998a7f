"""Notes when results arrive, as a reader of committed messages sees them, until its standard input is closed."""

import sys
import threading
import time

import msgspec
from confluent_kafka import Consumer, TopicPartition
from msgspec import Struct

__all__ = ["Arrival", "Asked", "main"]


class Asked(Struct):
    """Where to look."""

    bootstrap: str
    topics: list[str]


class Arrival(Struct, array_like=True, gc=False):
    """A result."""

    topic: str
    key: str
    close: int
    """Of the bar that it is about, ns."""
    at: float
    """Monotonic seconds."""


class _Record(Struct, gc=False):
    ts_close: int = 0
    ts_event: int = 0


def main() -> None:
    """Print one line when all is set, and all arrivals at the end."""
    asked = msgspec.json.decode(sys.stdin.buffer.readline(), type=Asked)
    consumer = Consumer({
        "bootstrap.servers": asked.bootstrap, "group.id": "watch", "enable.auto.commit": False,
        "isolation.level": "read_committed", "fetch.wait.max.ms": 5, "fetch.queue.backoff.ms": 5,
    })  # fmt: skip
    known = consumer.list_topics(timeout=10).topics
    places = [TopicPartition(topic, number) for topic in asked.topics for number in known[topic].partitions]
    for place in places:
        place.offset = consumer.get_watermark_offsets(place, 10)[1]
    consumer.assign(places)
    arrivals: list[Arrival] = []
    decode = msgspec.json.Decoder(_Record).decode
    consumer.poll(1.0)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    over = threading.Event()
    threading.Thread(target=_wait, args=[over], daemon=True).start()
    quiet = 0
    while not (over.is_set() and quiet > 20):
        message = consumer.poll(0.05)
        now = time.monotonic()
        if message is None:
            quiet += 1
            continue
        quiet = 0
        if message.error() is None:
            record = decode(message.value() or b"{}")
            key = (message.key() or b"").decode()
            arrivals.append(Arrival(message.topic() or "", key, record.ts_close or record.ts_event, now))
    sys.stdout.buffer.write(msgspec.json.encode(arrivals))
    sys.stdout.flush()
    consumer.close()


def _wait(over: threading.Event) -> None:
    sys.stdin.buffer.read()
    over.set()


if __name__ == "__main__":
    main()
