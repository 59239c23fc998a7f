"""`candlewick topics`."""

from enum import StrEnum
from typing import Annotated

import typer

from flows.login import log_in
from flows.settings import kafka_client, load
from sinks.clients import admin
from sinks.errors import SinkError
from sinks.topics import create_topics, differences

__all__ = ["Action", "topics"]


class Action(StrEnum):
    """What to do with them."""

    CREATE = "create"
    CHECK = "check"


def topics(
    action: Annotated[Action, typer.Argument(help="create what is missing, or only say what differs")],
    *,
    keep: Annotated[bool, typer.Option("--keep", help="no retention: for logs of old recordings")] = False,
) -> None:
    """Create or check the Kafka topics; what differs from the registry is an error."""
    settings = load()
    log_in(settings)
    client = admin(kafka_client(settings))
    partitions = settings.kafka.partitions
    if action is Action.CREATE:
        made = create_topics(client, partitions=partitions, replication=settings.kafka.replication, keep=keep)
        for name in made:
            typer.echo(f"created {name}")
    found = differences(client, partitions=partitions, keep=keep)
    if found:
        raise SinkError("\n".join(found))
    typer.echo(f"{settings.kafka.bootstrap}: all topics are as they should be")
