"""The first word with the broker: whether it lets us in, asked before anything waits for it."""

from contextlib import suppress
from typing import Final

from confluent_kafka import KafkaError, KafkaException

from flows.errors import FlowError
from flows.settings import Settings, kafka_client
from schemas.secrets import discreet
from sinks.clients import admin

__all__ = ["log_in"]

_PATIENCE_S: Final = 2.0
_REFUSED: Final = frozenset({KafkaError._AUTHENTICATION, KafkaError._SSL})  # noqa: SLF001, librdkafka's own errors
_TOLD: Final = "verify that security.protocol"  # how librdkafka hints that one side encrypts and the other does not


def log_in(settings: Settings) -> None:
    """Return if the broker takes our password and we its certificate, or if it cannot be reached yet.

    librdkafka tries again for ever and tells a caller no more than that nothing answers; the reason it tells aside.

    Raises:
        FlowError: password, certificate or protocol is refused.
        SinkError: a setting that librdkafka refuses.
    """
    told: list[KafkaError] = []
    client = kafka_client(settings)
    asked = admin({**client, "log_level": 0, "error_cb": told.append})
    with suppress(KafkaException):
        asked.list_topics(timeout=_PATIENCE_S)
        return
    asked.poll(0)  # for the callback
    for error in told:
        if error.code() in _REFUSED or _TOLD in error.str():
            reason = discreet(error.str().split(" (after ")[0], client)
            raise FlowError(f"Kafka at {settings.kafka.bootstrap} does not let us in: {reason}")
