"""The smallest engine: each record of the log gives a feature, and every fifth one a signal. To be killed."""

import signal
import sys
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Final

import msgspec
from bytewax import operators as op
from bytewax.dataflow import Dataflow

from flows.errors import told
from flows.runtime import RecoveryConfig, cluster_main, init_db_dir
from schemas.batches import Batch, Rejected
from schemas.identifiers import derive
from schemas.topics import Outgoing
from sinks.kafka import KafkaFeatures, KafkaSignals
from sources.log import KafkaLog

__all__ = ["EVERY", "Task", "expected"]

EVERY: Final = 5


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What the process is told."""

    bootstrap: str
    log: str
    features: list[str]
    signals: list[str]
    transactional_id: str
    recovery: str
    batch_size: int = 50

    @property
    def client(self) -> dict[str, str]:
        """A client's settings."""
        return {"bootstrap.servers": self.bootstrap}


def expected(task: Task, key: str, partition: int, offset: int, ts_ms: int, value: bytes) -> list[Outgoing]:
    """What a record of the log gives."""
    names = [task.features[offset % len(task.features)]]
    if offset % EVERY == 0:
        names.append(task.signals[offset % len(task.signals)])
    return [
        Outgoing(topic, key, derive(topic, partition, offset), b"%s:%d:%s" % (topic.encode(), offset, value), ts_ms)
        for topic in names
    ]


def main(task: Task) -> None:
    """Run to the end that the log has now."""
    recovery = Path(task.recovery)
    if not recovery.exists():
        recovery.mkdir()
        init_db_dir(recovery, 1)
    client = task.client
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopped.append(number))
    source = KafkaLog(
        client, topic=task.log, batch_size=task.batch_size, until_end=True, stop=lambda: bool(stopped)
    )  # fmt: skip

    def records(item: tuple[str, Batch | Rejected]) -> Iterable[tuple[str, Outgoing]]:
        batch = item[1]
        if isinstance(batch, Batch):
            for message in batch.messages:
                for record in expected(task, batch.key, batch.partition, *message):
                    yield (record.key if record.topic in task.features else "desk"), record

    flow = Dataflow("echo")
    both = op.branch(
        "lane", op.flat_map("records", op.input("log", flow, source), records), lambda one: one[0] == "desk"
    )
    op.output("features", both.falses, KafkaFeatures(client, topics=task.features))
    op.output(
        "signals", both.trues, KafkaSignals(client, topics=task.signals, transactional_id=task.transactional_id)
    )  # fmt: skip
    cluster_main(
        flow, [], 0, epoch_interval=timedelta(seconds=0.1), recovery_config=RecoveryConfig(str(recovery))
    )  # fmt: skip


if __name__ == "__main__":
    try:
        main(msgspec.json.decode(sys.argv[1], type=Task))
    except Exception as error:
        ours = told(error)
        if ours is None:
            raise
        sys.exit(f"{type(ours).__name__}: {ours}")
