"""Live equals replay: one log through real Kafka and TimescaleDB, whatever the workers, partitions and stops."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from schemas.time import SECOND
from tests.integration.golden import Golden
from tests.integration.kafka_broker import KafkaBroker
from tests.integration.pipeline import Pipeline, rows, until

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("partitions", "workers", "later", "batch_size"), [(1, 3, 2, 5_000), (4, 1, 1, 37), (12, 2, 2, 1_000)]
)
def test_live_equals_replay(
    partitions: int,
    workers: int,
    later: int,
    batch_size: int,
    recording: Path,
    golden: Golden,
    brokers: Callable[[], KafkaBroker],
    timescale_database: str,
    tmp_path: Path,
) -> None:
    """Stopped in the middle and resumed, by as many workers or fewer, topics and tables are those of a replay, once."""
    pipeline = Pipeline(brokers(), tmp_path, partitions=partitions, workers=workers, dsn=timescale_database)
    pipeline.environment["CANDLEWICK_ENGINE__BATCH_SIZE"] = str(batch_size)
    pipeline.run("ingest", "--tape", str(recording))
    engine = pipeline.start("run")
    until(lambda: pipeline.count("features.bars") > 100, "the first bars", engine)
    pipeline.stop(engine)
    pipeline.environment["CANDLEWICK_ENGINE__WORKERS"] = str(later)
    pipeline.run("run", "--until-end")

    topics = pipeline.read()
    for topic, expected in golden.items():
        if topic != "reference.instruments":  # compacted: the newest is what counts
            assert topics[topic] == {identifier: [value] for identifier, value in expected.items()}, topic
    assert {topic for topic, found in topics.items() if found} == set(golden)

    pipeline.run("store", "--until-end")
    assert rows(timescale_database) == {topic: set(expected) for topic, expected in golden.items()}
    assert "identical" in pipeline.run("verify-parity")


def test_verify_parity_finds_a_planted_difference(
    recording: Path, golden: Golden, brokers: Callable[[], KafkaBroker], tmp_path: Path
) -> None:
    """A signal that stands there twice and a vector with another value, but not a vector that stands there twice."""
    pipeline = Pipeline(brokers(), tmp_path, partitions=2)
    pipeline.run("ingest", "--tape", str(recording))
    pipeline.run("run", "--until-end")
    assert "identical" in pipeline.run("verify-parity")

    for topic, status in (("features.vectors", 0), ("signals.candidates", 1)):
        identifier, value = next(iter(golden[topic].items()))
        pipeline.plant(topic, json.loads(value)["instrument_id"], identifier, value, value)
        found = pipeline.fail("verify-parity", status=status)
        assert "1 results stand there again, equal" in found
    assert "1 results differ" in found
    assert f"{identifier} of {json.loads(value)['instrument_id']} stands there again at signals.candidates[0]@" in found
    later = json.loads(value)["ts_decided"] // SECOND + 1
    assert "identical" in pipeline.run("verify-parity", "--since", datetime.fromtimestamp(later, UTC).isoformat())

    identifier, value = next((i, v) for i, v in golden["features.vectors"].items() if b'"ofi":' in v)
    vector = json.loads(value)
    vector["features"]["ofi"] = 12345.0
    pipeline.plant("features.vectors", vector["instrument_id"], identifier, json.dumps(vector).encode(), value)
    found = pipeline.fail("verify-parity", status=1)
    assert "features.vectors[" in found
    assert "$.features.ofi is 12345.0" in found

    assert "identical" in pipeline.run("verify-parity", "--since", "2024-08-10T00:00:00Z")
