"""Live equals replay with every feature of the catalogue at work."""

from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
import pytest

from flows.feeds import recorded_feed
from flows.ingest import Recorder, ingest
from flows.plots import market
from operators.desk.context import CONTEXT
from operators.features import NAMES
from schemas.results import Context, Vector
from schemas.time import MINUTE
from tests.integration.golden import Golden, golden_of
from tests.integration.kafka_broker import KafkaBroker
from tests.integration.pipeline import Pipeline

pytestmark = pytest.mark.integration

UNTOLD = {"basis_z", "vpin"} | {f"large_trade{rest}" for rest in ("s", "_share", "_imbalance", "_from")}
"""They need hours or days of what is live."""


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sessions of bars of four instruments, and three minutes live; whatever features are made of is told."""
    path = tmp_path_factory.mktemp("all") / "market.jsonl"
    with Recorder(path) as writer:
        ingest(market(1.6, 3 * MINUTE), writer)
    return path


@pytest.fixture(scope="module")
def replayed(recording: Path, tmp_path_factory: pytest.TempPathFactory) -> Golden:
    return golden_of(recorded_feed([str(recording)], None), tmp_path_factory.mktemp("replayed"))


def known(records: Iterable[Vector | Context]) -> set[str]:
    return {name for record in records for name, value in record.features.items() if value is not None}


def test_every_feature_is_known_in_it(replayed: Golden) -> None:
    vectors = (value for value in replayed["features.vectors"].values() if b'"features"' in value)
    assert known(msgspec.json.decode(value, type=Vector) for value in vectors) == set(NAMES) - UNTOLD
    contexts = replayed["features.context"].values()
    assert known(msgspec.json.decode(value, type=Context) for value in contexts) == {one.name for one in CONTEXT}


@pytest.mark.parametrize("workers", [1, 2])
def test_live_equals_replay(
    workers: int, recording: Path, replayed: Golden, brokers: Callable[[], KafkaBroker], tmp_path: Path
) -> None:
    pipeline = Pipeline(brokers(), tmp_path, partitions=4, workers=workers)
    pipeline.run("ingest", "--tape", str(recording))
    pipeline.run("run", "--until-end")
    topics = pipeline.read()
    for topic, expected in replayed.items():
        if topic != "reference.instruments":
            assert topics[topic] == {identifier: [value] for identifier, value in expected.items()}, topic
