"""librdkafka's mock cluster, with as many partitions a topic as one likes.

A client may start it by a setting alone, but then every topic has four partitions; the functions that make topics are
part of the same library and reached through ctypes. They are marked experimental there: a test holds them to the
version that is locked.
"""

import ctypes
from collections.abc import Mapping
from typing import Any, Final

from confluent_kafka import cimpl

from flows.errors import FlowError

__all__ = ["start_cluster"]

_PRODUCER: Final = 0
_TEXT: Final = 512


def start_cluster(topics: Mapping[str, int]) -> str:
    """Start one broker on a free port of 127.0.0.1, for as long as this process lives; its address.

    Parameters:
        topics: names and numbers of partitions. Any other topic is made on first use, with four.

    Raises:
        FlowError: this build of librdkafka has no mock cluster.
    """
    library = _library()
    settings, reason = library.rd_kafka_conf_new(), ctypes.create_string_buffer(_TEXT)
    for key, value in ((b"test.mock.num.brokers", b"1"), (b"log_level", b"0")):
        library.rd_kafka_conf_set(settings, key, value, reason, _TEXT)
    handle = library.rd_kafka_new(_PRODUCER, settings, reason, _TEXT)
    cluster = library.rd_kafka_handle_mock_cluster(handle) if handle else None
    if not cluster:
        raise FlowError(f"embedded Kafka: {reason.value.decode() or 'no mock cluster in this librdkafka'}")
    for name, partitions in topics.items():
        library.rd_kafka_mock_topic_create(cluster, name.encode(), partitions, 1)
    address: bytes = library.rd_kafka_mock_cluster_bootstraps(cluster)
    return address.decode()


def _library() -> Any:
    """librdkafka as the Python client has loaded it, since a symbol is looked for in what a library depends on too."""
    library = ctypes.CDLL(cimpl.__file__)
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "rd_kafka_conf_new": (pointer, []),
        "rd_kafka_conf_set": (number, [pointer, text, text, text, ctypes.c_size_t]),
        "rd_kafka_new": (pointer, [number, pointer, text, ctypes.c_size_t]),
        "rd_kafka_handle_mock_cluster": (pointer, [pointer]),
        "rd_kafka_mock_topic_create": (number, [pointer, text, number, number]),
        "rd_kafka_mock_cluster_bootstraps": (text, [pointer]),
    }
    for name, (result, arguments) in signatures.items():
        try:
            function = getattr(library, name)
        except AttributeError as error:
            raise FlowError(f"embedded Kafka: this librdkafka has no {name}") from error
        function.restype, function.argtypes = result, arguments
    return library
