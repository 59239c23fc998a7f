"""A round of retraining on a real database: from what is stored to an activation in the log."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import psycopg
import pytest
from pyarrow import parquet

from flows.committed import committed
from flows.dataset import fetch_stored, make_dataset
from flows.embedded.postgres import EmbeddedPostgres
from flows.engine import costs
from flows.errors import FlowError
from flows.feeds import simulated_feed
from flows.regimes import last_told, refit
from flows.retrain import Plan, retrain
from flows.settings import DatabaseSettings, KafkaSettings, ModelsSettings, Settings, StrategySettings
from models.config import Boosting, TrainConfig
from models.registry import Registry
from operators.desk.serving import PROGRAM
from schemas.codec import encode
from schemas.market import Activation
from schemas.message import Message
from schemas.results import ModelEvent
from schemas.time import DAY, SECOND
from schemas.topics import LOG
from sinks.migrate import migrate
from sinks.timescale import TimescaleWriter
from sources.simulator import LISTINGS, Simulator, SimulatorConfig
from tests.integration.golden import golden_of
from tests.integration.timescale_fixtures import new_database
from tests.kafka_tools import put

pytestmark = pytest.mark.integration

_START = 19_700 * DAY
_STRATEGY = StrategySettings(timeframes=("1m",), threshold=0.15, cooldown_bars=1)
_NEEDED = ("signals.candidates", "features.vectors", "features.context", "features.bars", "reference.instruments")


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[bytes]]]:
    """A day of two simulated instruments as a replay writes it, and what a store takes of that."""
    folder = tmp_path_factory.mktemp("past") / "replay"
    config = SimulatorConfig(seed=5, start=_START, duration=60 * SECOND, instruments=LISTINGS[:2])
    golden = golden_of(simulated_feed(Simulator(config), history_days=1.0), folder, Settings(strategy=_STRATEGY))
    return folder, {topic: list(golden[topic].values()) for topic in _NEEDED}


@pytest.fixture
def past(replayed: tuple[Path, dict[str, list[bytes]]]) -> Path:
    return replayed[0]


@pytest.fixture
def settings(
    embedded: EmbeddedPostgres, embedded_kafka: dict[str, Any], replayed: tuple[Path, dict[str, list[bytes]]],
    tmp_path: Path,
) -> Iterator[Settings]:  # fmt: skip
    """Of a store that holds that day."""
    with new_database(embedded.dsn) as dsn:
        migrate(dsn)
        put(embedded_kafka, [], LOG)
        store(dsn, replayed[1])
        yield Settings(
            kafka=KafkaSettings(bootstrap=embedded_kafka["bootstrap.servers"], transactions=False),
            database=DatabaseSettings(dsn=dsn), models=ModelsSettings(dir=tmp_path / "models"), strategy=_STRATEGY,
        )  # fmt: skip


def store(dsn: str, values: dict[str, list[bytes]]) -> None:
    writer = TimescaleWriter(dsn)
    for topic, records in values.items():
        writer.write([Message(topic, 0, number, 0, b"", value) for number, value in enumerate(records)])
    writer.close()


def activations(settings: Settings) -> list[Activation]:
    return [msgspec.convert(value, Activation) for value in in_the_log(settings) if value["type"] == "activation"]


def in_the_log(settings: Settings) -> list[dict[str, Any]]:
    return [msgspec.json.decode(message.value or b"", type=dict[str, Any]) for message in committed(settings, [LOG])]


def test_a_round_trains_a_challenger_and_the_next_one_does_not_repeat_it(settings: Settings, tmp_path: Path) -> None:
    plan = Plan(
        days=10_000, at_once=True, despite_gates=True, ledger=tmp_path / "ledger.jsonl",
        config=TrainConfig(windows=2, boosting=Boosting(rounds=20)),
    )  # fmt: skip
    (decision,) = [one for one in retrain(settings, plan) if one.model]
    assert decision.what == "activate"
    (record,) = activations(settings)
    assert (record.model, record.version, record.shadow, record.reason) == (
        decision.model, decision.version, False, decision.why,
    )  # fmt: skip
    known = Registry(settings.models.dir)
    manifest = known.load(record.model, record.version, PROGRAM).manifest
    assert manifest.outcomes > 500
    assert manifest.drift

    told = ModelEvent(
        id="00000000-0000-5000-8000-000000000001", model=record.model, version=record.version, event="activated",
        ts_event=record.effective_close,
    )  # fmt: skip
    store(settings.database.dsn, {"models.events": [encode(told)]})
    retrain(settings, plan)
    assert len(activations(settings)) == 1  # the same data make the same version, which serves already
    assert known.versions(record.model) == [record.version]


def test_a_data_set_of_the_store_is_that_of_the_files(settings: Settings, past: Path, tmp_path: Path) -> None:
    fetch_stored(settings, tmp_path / "store")
    of_files, of_store = (
        make_dataset([folder], tmp_path / f"{folder.name}-set", costs(settings))
        for folder in (past, tmp_path / "store")
    )
    assert of_files.rows > 500
    assert of_store.labels == of_files.labels
    for name in ("rows.parquet", "closes.parquet"):
        one, other = (parquet.read_table(tmp_path / folder / name) for folder in ("replay-set", "store-set"))
        assert one.schema == other.schema
        for column in one.column_names:  # of values: the database has no zero below zero
            np.testing.assert_array_equal(one[column].to_pylist(), other[column].to_pylist())


def test_regimes_are_fitted_on_what_is_stored_and_go_on_from_the_last_time(settings: Settings, tmp_path: Path) -> None:
    memory = tmp_path / "kept" / "regimes.jsonl"
    first = refit(settings, "1m", 10_000, memory)
    again = refit(settings, "1m", 10_000, memory)
    told = [value for value in in_the_log(settings) if value["type"] == "regimes"]
    assert [value["means"] for value in told[-2:]] == [first.means, again.means]
    assert last_told(memory, "1m") == again


def test_nothing_to_learn_from_is_one_line_and_leaves_nothing(settings: Settings, past: Path, tmp_path: Path) -> None:
    with psycopg.connect(settings.database.dsn, autocommit=True) as connection:
        connection.execute("DELETE FROM candidates")
    with pytest.raises(FlowError, match=r"no candidate in signals\.candidates"):
        retrain(settings, Plan(days=10_000, ledger=tmp_path / "ledger.jsonl"))
    assert Registry(settings.models.dir).models() == []

    plan = Plan(
        days=10_000, past=past, despite_gates=True, ledger=tmp_path / "ledger.jsonl",
        config=TrainConfig(windows=2, boosting=Boosting(rounds=20)),
    )  # fmt: skip
    (decision,) = [one for one in retrain(settings, plan) if one.model]  # of what came before the store
    assert decision.what == "shadow"
