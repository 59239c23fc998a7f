"""Nothing lost, nothing doubled: engine and store killed at any moment, the database crashed, on real parts."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.golden import Golden
from tests.integration.kafka_broker import KafkaBroker
from tests.integration.pipeline import Pipeline, rows, until
from tests.integration.timescale_server import TimescaleServer

pytestmark = pytest.mark.integration

_KILLS = 5


def test_engine_and_store_killed_and_database_crashed(
    recording: Path,
    golden: Golden,
    brokers: Callable[[], KafkaBroker],
    timescale: TimescaleServer,
    timescale_database: str,
    tmp_path: Path,
) -> None:
    """The log is written while the engine dies again and again; the store dies, and the server under it."""
    chance = random.Random(5)  # noqa: S311, which moments is all that it decides
    pipeline = Pipeline(brokers(), tmp_path, partitions=4, dsn=timescale_database, epoch_s=0.3)
    pipeline.run("ingest", "--tape", str(recording))
    store = pipeline.start("store")
    total = sum(len(found) for topic, found in golden.items() if topic.startswith("features."))
    for number in range(_KILLS):
        engine = pipeline.start("run")
        goal = int(total * (number + chance.random()) / _KILLS)
        pipeline.wait_for_results(goal, engine)
        engine.kill()
        engine.communicate()
        if number == 1:
            store.kill()
            store.communicate()
            store = pipeline.start("store")
        if number == 3:
            timescale.crash()
            timescale.start()
    pipeline.run("run", "--until-end")
    until(lambda: rows(timescale_database) == _identifiers(golden), "all rows", store)
    pipeline.stop(store)

    topics = pipeline.read()
    for topic, expected in golden.items():
        if topic.startswith("signals."):
            assert topics[topic] == {identifier: [value] for identifier, value in expected.items()}, topic
        elif topic != "reference.instruments":
            once = {identifier: set(values) for identifier, values in topics[topic].items()}
            assert once == {identifier: {value} for identifier, value in expected.items()}, topic


def test_sigterm_ends_cleanly_and_a_restart_repeats_nothing(
    recording: Path, brokers: Callable[[], KafkaBroker], tmp_path: Path
) -> None:
    """Exit 0 within ten seconds, at rest as under load, and what comes after is not written again."""
    pipeline = Pipeline(brokers(), tmp_path, partitions=4, epoch_s=30.0)
    pipeline.run("ingest", "--tape", str(recording))
    engine = pipeline.start("run")
    until(lambda: pipeline.results() > 200, "the first results", engine)
    pipeline.stop(engine, patience_s=10.0)
    pipeline.run("run", "--until-end")
    written = pipeline.results()
    engine = pipeline.start("run")
    until(pipeline.engine_holds_its_state, "the engine to take its recovery directory", engine)
    pipeline.stop(engine, patience_s=10.0)
    assert pipeline.results() == written
    doubled = [i for found in pipeline.read().values() for i, values in found.items() if len(values) > 1]
    assert not doubled


def _identifiers(golden: Golden) -> dict[str, set[str]]:
    return {topic: set(expected) for topic, expected in golden.items()}
