"""Quix Streams as its documentation shows it: a dataframe of the topic, or of a topic a type, aligned in time."""

from typing import Any

from quixstreams import Application

from benchmarks.jobs.market import Market
from benchmarks.jobs.task import Clock, Measure, Task, answer

__all__ = ["measure"]

_TUNED = {"fetch.queue.backoff.ms": 5, "fetch.wait.max.ms": 100, "queued.max.messages.kbytes": 196_608}


def measure(task: Task) -> Measure:
    """Read the log, or its parts, and write features."""
    clock, left = Clock(), task.messages
    market = Market()

    def processed(_topic: str, _partition: int, _offset: int) -> None:
        nonlocal left
        left -= 1
        clock.begin()
        if not left:
            app.stop()

    app = Application(
        broker_address=task.bootstrap, consumer_group=task.folder, auto_offset_reset="earliest",
        consumer_extra_config=_TUNED, on_message_processed=processed, loglevel="ERROR", state_dir=f"{task.folder}/quix",
        producer_extra_config={"linger.ms": 5, "compression.type": "lz4"},
    )  # fmt: skip
    output = app.topic(task.output, value_serializer="bytes")
    names = task.options.get("topics", [task.topic])
    frames = [app.dataframe(app.topic(name, value_deserializer="json")) for name in names]
    frame: Any = frames[0]
    for other in frames[1:]:
        frame = frame.concat(other)
    frame = frame.apply(market.take_dict)
    frame = frame[frame.apply(lambda features: features is not None)]
    frame.to_topic(output)
    app.run()
    return clock.end(task.messages)


if __name__ == "__main__":
    answer(measure)
