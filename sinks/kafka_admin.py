"""The names of ``confluent_kafka.admin`` that it offers, but does not declare to type checkers."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:  # where they are defined; no place to import from
    from confluent_kafka.admin._config import ConfigResource
    from confluent_kafka.admin._listoffsets import OffsetSpec
    from confluent_kafka.admin._metadata import ClusterMetadata
    from confluent_kafka.admin._resource import ResourceType
    from confluent_kafka.cimpl import NewTopic
else:
    from confluent_kafka.admin import ClusterMetadata, ConfigResource, NewTopic, OffsetSpec, ResourceType

__all__ = [
    "EARLIEST", "LATEST", "NEWEST", "ClusterMetadata", "ConfigResource", "NewTopic", "OffsetSpec", "ResourceType",
]  # fmt: skip

EARLIEST: Final = cast("Callable[[], OffsetSpec]", OffsetSpec.earliest)()
LATEST: Final = cast("Callable[[], OffsetSpec]", OffsetSpec.latest)()
NEWEST: Final = cast("Callable[[], OffsetSpec]", OffsetSpec.max_timestamp)()
"""The message of the greatest time stamp."""
