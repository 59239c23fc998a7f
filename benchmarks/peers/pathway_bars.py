"""Pathway does what it has operators for: one-second bars of the trades. It has none for an order book."""

import pathway as pw

from benchmarks.jobs.task import Clock, Measure, Task, answer

__all__ = ["measure"]


class _Event(pw.Schema):
    type: str
    instrument_id: str
    ts_event: int
    price: float | None
    size: float | None


def measure(task: Task) -> Measure:
    """Read the log and write bars."""
    settings = {"bootstrap.servers": task.bootstrap, "group.id": "pathway", "auto.offset.reset": "earliest"}
    tuning = {"fetch.queue.backoff.ms": "5", "fetch.wait.max.ms": "100"}
    events = pw.io.kafka.read({**settings, **tuning}, topic=task.topic, schema=_Event, format="json", mode="static")
    found = events.filter(pw.this.type == "trade")
    trades = found.select(
        pw.this.instrument_id, pw.this.ts_event, price=pw.unwrap(pw.this.price), size=pw.unwrap(pw.this.size)
    )
    bars = trades.windowby(
        pw.this.ts_event, window=pw.temporal.tumbling(duration=1_000_000_000), instance=pw.this.instrument_id
    ).reduce(
        instrument_id=pw.this._pw_instance, begins=pw.this._pw_window_start,
        open=pw.reducers.earliest(pw.this.price), high=pw.reducers.max(pw.this.price),
        low=pw.reducers.min(pw.this.price), close=pw.reducers.latest(pw.this.price),
        volume=pw.reducers.sum(pw.this.size),
    )  # fmt: skip
    pw.io.kafka.write(bars, settings, topic_name=task.output, format="json")
    clock = Clock().begin()
    pw.run(monitoring_level=pw.MonitoringLevel.NONE)
    return clock.end(task.messages)


if __name__ == "__main__":
    answer(measure)
