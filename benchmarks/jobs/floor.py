"""The floor: one consumer, every message decoded, nothing else."""

from confluent_kafka import Consumer, TopicPartition

from benchmarks.jobs.task import Clock, Measure, Task, answer, tuned
from schemas.codec import parse_event

__all__ = ["measure"]


def measure(task: Task) -> Measure:
    """Read and decode the log."""
    consumer = Consumer(tuned(task.bootstrap))
    partitions = consumer.list_topics(task.topic, 10).topics[task.topic].partitions
    consumer.assign([TopicPartition(task.topic, number, 0) for number in partitions])
    clock, left = Clock(), task.messages
    while left > 0:
        messages = consumer.consume(5_000, 0.005)
        if messages:
            clock.begin()
            for message in messages:
                parse_event(message.value() or b"")
            left -= len(messages)
    done = clock.end(task.messages - left)
    consumer.close()
    return done


if __name__ == "__main__":
    answer(measure)
