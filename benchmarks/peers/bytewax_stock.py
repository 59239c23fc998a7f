"""Bytewax as its documentation shows it: its own Kafka connectors, and a step a concern."""

from typing import Any

from bytewax import operators as op
from bytewax.connectors.kafka import KafkaSinkMessage
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow
from bytewax.testing import cluster_main
from confluent_kafka import OFFSET_BEGINNING

from benchmarks.jobs.market import Market, decode
from benchmarks.jobs.task import Clock, Measure, Task, answer

__all__ = ["measure"]


def measure(task: Task) -> Measure:
    """Read the log and write features."""
    clock, read = Clock(), 0

    def decoded(message: Any) -> Any:
        nonlocal read
        if not read:
            clock.begin()
        read += 1
        return decode(message.value)

    def on_message(market: Market | None, event: Any) -> tuple[Market, bytes | None]:
        market = market or Market()
        return market, market.take(event)

    brokers = [task.bootstrap]
    flow = Dataflow("stock")
    source = kop.input(
        "log", flow, brokers=brokers, topics=[task.topic], tail=False, starting_offset=OFFSET_BEGINNING,
        add_config={"fetch.queue.backoff.ms": "5", "fetch.wait.max.ms": "100"},
    )  # fmt: skip
    op.raises("errors", source.errs)
    events = op.map("decode", source.oks, decoded)
    keyed = op.key_on("key", events, lambda event: event.instrument_id)
    features = op.stateful_map("features", keyed, on_message)
    known = op.filter_value("known", features, lambda value: value is not None)
    messages = op.map("message", known, lambda item: KafkaSinkMessage(item[0].encode(), item[1]))
    kop.output("out", messages, brokers=brokers, topic=task.output)
    cluster_main(flow, [], 0)
    return clock.end(read)


if __name__ == "__main__":
    answer(measure)
