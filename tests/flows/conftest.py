"""What tests of flows share."""

from pathlib import Path
from typing import Any

import pytest

from flows.settings import EngineSettings, KafkaSettings, Settings
from schemas.topics import LOG
from tests.kafka_tools import put


@pytest.fixture
def settings(embedded_kafka: dict[str, Any], tmp_path: Path) -> Settings:
    """An engine's, whose log has four partitions, on a directory that is not there yet."""
    put(embedded_kafka, [], LOG)
    kafka = KafkaSettings(bootstrap=embedded_kafka["bootstrap.servers"], transactions=False)
    return Settings(kafka=kafka, engine=EngineSettings(recovery_dir=tmp_path / "recovery"))
