"""A plain confluent-kafka loop."""

from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks.jobs.market import Market, decode
from benchmarks.jobs.task import Clock, Measure, Task, answer, tuned

__all__ = ["measure"]


def measure(task: Task) -> Measure:
    """Read the log and write features."""
    consumer = Consumer(tuned(task.bootstrap))
    producer = Producer({"bootstrap.servers": task.bootstrap, "linger.ms": 5, "compression.type": "lz4"})
    partitions = consumer.list_topics(task.topic, 10).topics[task.topic].partitions
    consumer.assign([TopicPartition(task.topic, number, 0) for number in partitions])
    market = Market()
    clock, left = Clock(), task.messages
    while left > 0:
        messages = consumer.consume(5_000, 0.005)
        if not messages:
            continue
        clock.begin()
        left -= len(messages)
        for message in messages:
            event = decode(message.value() or b"")
            features = market.take(event)
            if features is not None:
                producer.produce(task.output, features, event.instrument_id)
                producer.poll(0)
    producer.flush()
    done = clock.end(task.messages - left)
    consumer.close()
    return done


if __name__ == "__main__":
    answer(measure)
