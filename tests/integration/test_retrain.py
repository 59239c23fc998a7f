"""A round of retraining on a real database: from what is stored to an activation in the log."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import psycopg
import pytest
from msgspec.structs import replace
from pyarrow import parquet

from flows.committed import committed
from flows.dataset import fetch_stored, make_dataset
from flows.embedded.postgres import EmbeddedPostgres
from flows.engine import costs, desk_config
from flows.errors import FlowError
from flows.feeds import Feed, simulated_feed
from flows.ledger import Compared, Ledger
from flows.models import activate, changelog, effective_close, fail
from flows.regimes import last_told, refit
from flows.retrain import Plan, look, retrain
from flows.settings import DatabaseSettings, KafkaSettings, MlflowSettings, ModelsSettings, Settings, StrategySettings
from models.config import Boosting, TrainConfig
from models.errors import RegistryError
from models.registry import Registry
from models.trained import Calibration
from operators.desk.confluence import version_of
from operators.desk.serving import PROGRAM, Serving
from schemas.codec import encode
from schemas.market import CONTROL, Activation
from schemas.message import Message
from schemas.results import ModelEvent
from schemas.time import DAY, MINUTE, SECOND, from_text, to_text
from schemas.topics import LOG
from sinks.database import DatabaseError
from sinks.migrate import migrate
from sinks.timescale import TimescaleWriter
from sources.merge import Heard, merge
from sources.simulator import LISTINGS, Simulator, SimulatorConfig
from tests.integration.golden import golden_of
from tests.integration.timescale_fixtures import new_database
from tests.kafka_tools import put
from tests.models.trees import trained

pytestmark = pytest.mark.integration

_START = 19_700 * DAY
_MODEL = "confluence-majors"
_STRATEGY = StrategySettings(timeframes=("1m",), threshold=0.15, cooldown_bars=1)
_NEEDED = ("signals.candidates", "features.vectors", "features.context", "features.bars", "reference.instruments")


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[bytes]]]:
    """A day of two simulated instruments as a replay writes it, and what a store takes of that."""
    folder = tmp_path_factory.mktemp("past") / "replay"
    golden = golden_of(market(), folder, Settings(strategy=_STRATEGY))
    return folder, {topic: list(golden[topic].values()) for topic in _NEEDED}


def market(*told: Activation, days: float = 1.0) -> Feed:
    """``days`` of two instruments whose drifts stay for a while, with activations in their midst."""
    config = SimulatorConfig(seed=5, start=_START, duration=60 * SECOND, instruments=LISTINGS[:2], trend=0.3)
    feed = simulated_feed(Simulator(config), history_days=days)
    items = (item for _, item in merge([feed.items, told]) if not isinstance(item, Heard | None))
    return Feed(items)


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
    list(retrain(settings, plan))
    assert len(activations(settings)) == 1  # the same data make the same version, which serves already
    assert known.versions(record.model) == [record.version]


def test_a_challenger_is_promoted_or_refused_by_comparison(
    settings: Settings, embedded: EmbeddedPostgres, tmp_path: Path
) -> None:
    """Who says 5 % of everything serves, and falls to a challenger by the outcomes held back; asked again, in the
    engine's shadow beside it, he is sent away.
    """
    before = len(activations(settings))
    liar = registered_liar(settings)
    activate(settings, _MODEL, liar, _START - DAY, despite_gates=True)
    store(settings.database.dsn, {"models.events": [encode(event) for event in changes(settings, before)]})
    plan = Plan(
        days=10_000, held_back=0.4, despite_gates=True, ledger=tmp_path / "ledger.jsonl",
        config=TrainConfig(windows=2, boosting=Boosting(rounds=10)),
    )  # fmt: skip
    (first,) = [one for one in retrain(settings, plan) if one.model]
    assert (first.what, first.why.endswith(f"than that of {liar}: better")) == ("activate", True)
    made = Registry(settings.models.dir).manifest(_MODEL, first.version)
    assert made.held_back is not None
    assert made.train_end < made.held_back[0] < made.held_back[1]

    begin = from_text(first.why.partition("held back (")[2].partition(" to ")[0])
    close = begin // MINUTE * MINUTE + MINUTE
    records = [
        replace(record, effective_close=close, ts_event=close - MINUTE, ts_received=close - MINUTE)
        for record in activations(settings)[before:]
    ]
    records.append(replace(records[0], shadow=True, effective_close=close + MINUTE))
    golden = golden_of(market(*records), tmp_path / "shadowed", settings)
    with new_database(embedded.dsn) as dsn:
        migrate(dsn)
        store(dsn, {topic: list(golden[topic].values()) for topic in (*_NEEDED, "models.events")})
        store(dsn, {"models.events": [shadowed("confluence-memes", close + 2 * MINUTE)]})
        own = settings.model_copy(update={"database": DatabaseSettings(dsn=dsn)})
        second, gone, third = retrain(own, plan)  # its place is free, and taken in the same round
    assert (second.what, second.version, second.why.endswith(f"than that of {first.version}: worse")) == (
        "withdraw", liar, True,
    )  # fmt: skip
    assert (gone.what, gone.why.startswith(f"model confluence-memes has no version {'f' * 16}")) == ("withdraw", True)
    assert (third.model, third.what) == (_MODEL, "shadow")
    assert [(one.command, one.challenger, one.champion) for one in compared(plan)] == [
        ("held back", first.version, liar), ("shadow", liar, first.version),
        ("held back", third.version, first.version),
    ]  # fmt: skip
    assert "looked at 1 times before" in second.why
    assert "; its tests were looked at 0 times before; challenger 1 of " in first.why
    assert "; its tests were looked at 1 times before; challenger 2 of " in third.why
    assert gained(second.why) == pytest.approx(-gained(first.why), rel=0.1)  # tables begin at other outcomes
    page = changelog(changes(settings, before, records[-1]))
    assert f"{_MODEL} {first.version} activated\n\n- Before it: {liar}\n- Why: {first.why}" in page
    assert f"{_MODEL} {liar} no longer shadowed\n\n- Before it: {liar}\n- Why: {second.why}" in page


def test_a_challenger_that_goes_no_further_is_on_the_changelog(settings: Settings, tmp_path: Path) -> None:
    before = len(activations(settings))
    plan = Plan(
        days=10_000, ledger=tmp_path / "ledger.jsonl", config=TrainConfig(windows=2, boosting=Boosting(rounds=1))
    )
    away = settings.model_copy(update={"mlflow": MlflowSettings(uri="http://127.0.0.1:1")})
    decision, untold = retrain(away, plan)
    assert decision.what == "refuse"
    assert (untold.what, untold.why.startswith("MLflow at http://127.0.0.1:1")) == ("leave out", True)
    due = datetime(2024, 5, 1, 3, tzinfo=UTC)
    unwritten = RegistryError("registry s3://secret: AWS Error ACCESS_DENIED")
    errors = FlowError("too few\nof all"), DatabaseError("database host=secret: refused"), unwritten
    for number, error in enumerate(errors):
        fail(settings, effective_close(None) + number * MINUTE, error, due)
    page = changelog(changes(settings, before))
    assert f"{decision.model} {decision.version} refused\n\n- Why: did not pass " in page
    assert ": retraining failed\n\n- Why: too few; of all; next at 2024-05-01 03:00 UTC\n" in page
    assert page.count("retraining failed\n\n- Why: a part that it needs is away or refuses; next at") == 2


def test_a_shadow_of_the_stream_that_is_better_serves(
    settings: Settings, embedded: EmbeddedPostgres, tmp_path: Path
) -> None:
    """From the engine's signals, which carry what both said, by the store and a look to the activation in the log."""
    before, close = len(activations(settings)), _START - 10 * 60 * MINUTE
    liar, honest = registered_liar(settings), registered_liar(settings, says=-0.7)
    records = [
        Activation(
            instrument_id=CONTROL, ts_event=close - MINUTE, ts_received=close - MINUTE, effective_close=close,
            model=_MODEL, version=version, shadow=version == honest,
        )
        for version in (liar, honest)
    ]  # fmt: skip
    golden = golden_of(market(*records, days=0.5), tmp_path / "shadowed", settings)
    plan = Plan(despite_gates=True, ledger=tmp_path / "ledger.jsonl")
    with new_database(embedded.dsn) as dsn:
        migrate(dsn)
        store(dsn, {topic: list(golden[topic].values()) for topic in (*_NEEDED, "models.events")})
        own = settings.model_copy(update={"database": DatabaseSettings(dsn=dsn)})
        (decision,) = look(own, plan)
        assert (decision.what, decision.version, decision.why.endswith(f"than that of {liar}: better")) == (
            "activate", honest, True,
        )  # fmt: skip
        (record,) = activations(settings)[before:]
        assert (record.version, record.shadow, record.reason) == (honest, False, decision.why)
        told = changes(settings, before, *records)
        store(dsn, {"models.events": [encode(told[-1])]})
        assert list(look(own, plan)) == []  # it is in the shadow no more
    assert f"{_MODEL} {honest} activated\n\n- Before it: {liar}\n- Why: {decision.why}" in changelog(told)


def registered_liar(settings: Settings, says: float = -3.0) -> str:
    """One that gives everything the same probability, by default 5 %."""
    made, calibration = trained(1, catalogue=PROGRAM), Calibration(0.001, says)
    golden = [replace(one, probability=calibration.probability(one.logit)) for one in made.manifest.golden]
    manifest = replace(
        made.manifest, model=_MODEL, calibration=calibration, golden=golden, train_end=_START - DAY,
        instruments=[listing.instrument_id for listing in LISTINGS[:2]],
        strategy_version=version_of(desk_config(settings).strategy),
    )  # fmt: skip
    return Registry(settings.models.dir).add(manifest, made.files, PROGRAM)


def compared(plan: Plan) -> list[Compared]:
    return [look for look in Ledger(plan.ledger).looks() if isinstance(look, Compared)]


def gained(why: str) -> float:
    return float(why.partition("squared error smaller by ")[2].partition(" ")[0])


def changes(settings: Settings, before: int, *earlier: Activation) -> list[ModelEvent]:
    """What the desk tells of the activations in the log, after ``earlier`` ones."""
    serving = Serving(desk_config(settings), Registry(settings.models.dir))
    records = [*earlier, *activations(settings)[before:]]
    for record in records:
        serving.add(record.effective_close, record)
    return serving.move(max(record.effective_close for record in records))


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


def test_a_release_with_other_schemas_begins_anew(settings: Settings, tmp_path: Path) -> None:
    middle = _START - DAY // 2
    for table, last in (("features", middle - MINUTE), ("contexts", middle)):
        with psycopg.connect(settings.database.dsn, autocommit=True) as connection:
            connection.execute(f"UPDATE {table}_packed SET schema_hash = 'before' WHERE ts_close <= {last}")
        told = fetch_stored(settings, tmp_path / table)
        assert told.startswith(f"features up to {to_text(last)} have other schemas than this program's: ")
    made = make_dataset([tmp_path / "contexts"], tmp_path / "set", costs(settings))
    assert made.ts_start > middle
    assert made.rows > 100
    plan = Plan(days=10_000, ledger=tmp_path / "ledger.jsonl")
    assert next(one.why for one in retrain(settings, plan) if not one.model) == told


def test_regimes_are_fitted_on_what_is_stored_and_go_on_from_the_last_time(settings: Settings, tmp_path: Path) -> None:
    memory = tmp_path / "kept" / "regimes.jsonl"
    first = refit(settings, "1m", 10_000, memory)
    again = refit(settings, "1m", 10_000, memory)
    told = [value for value in in_the_log(settings) if value["type"] == "regimes"]
    assert [value["means"] for value in told[-2:]] == [first.means, again.means]
    assert last_told(memory, "1m") == again


def test_more_held_back_than_there_is_is_one_line(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(FlowError, match=r"^--held-back 3: there are outcomes of 1\.0 days, so nothing is left"):
        list(retrain(settings, Plan(days=10_000, held_back=3, ledger=tmp_path / "ledger.jsonl")))
    assert Registry(settings.models.dir).models() == []


def test_nothing_to_learn_from_is_one_line_and_leaves_nothing(settings: Settings, past: Path, tmp_path: Path) -> None:
    with psycopg.connect(settings.database.dsn, autocommit=True) as connection:
        connection.execute("DELETE FROM candidates")
    with pytest.raises(FlowError, match=r"no candidate in signals\.candidates"):
        list(retrain(settings, Plan(days=10_000, ledger=tmp_path / "ledger.jsonl")))
    assert Registry(settings.models.dir).models() == []

    old = tmp_path / "old"
    old.mkdir()
    with (past / "features.vectors.jsonl").open("rb") as file:
        vector = msgspec.json.decode(next(line for line in file if b'"schema_hash"' in line))
    (old / "features.vectors.jsonl").write_bytes(msgspec.json.encode(vector | {"schema_hash": "before"}))
    with pytest.raises(FlowError, match=rf"^--past {old}: features\.vectors are of schema before, this program's is "):
        list(retrain(settings, Plan(days=10_000, past=old, ledger=tmp_path / "ledger.jsonl")))

    plan = Plan(
        days=10_000, past=past, despite_gates=True, held_back=0.4, ledger=tmp_path / "ledger.jsonl",
        config=TrainConfig(windows=2, boosting=Boosting(rounds=20)),
    )  # fmt: skip
    shadows = {"confluence-alts": time.time_ns() - 59 * DAY, "confluence-memes": time.time_ns() - 61 * DAY}
    serves = shadowed(_MODEL, time.time_ns() - 9 * DAY).replace(b'"shadowed"', b'"activated"')  # by bytes that are lost
    store(settings.database.dsn, {"models.events": [serves, *(shadowed(*told) for told in shadows.items())]})
    memes, alts, majors = (one for one in retrain(settings, plan) if one.model)  # majors of what came before the store
    assert (memes.what, alts.what, majors.model, majors.what) == ("withdraw", "wait", _MODEL, "shadow")
    assert majors.why.endswith(f"; model {_MODEL} has no version {'f' * 16} in the registry")
    assert alts.why.startswith("stored: no candidate in signals.candidates")
    assert memes.why == f"{alts.why}; 61.0 days in the shadow, 60 at most"
    store(settings.database.dsn, {"models.events": [shadowed(_MODEL, time.time_ns())]})
    assert {one.what for one in retrain(settings, replace(plan, patience=99))} == {"wait"}

    going, serves = retrain(settings, replace(plan, patience=1)), shadowed("confluence-alts", time.time_ns() + 1)
    gone = next(going)
    store(settings.database.dsn, {"models.events": [serves.replace(b'"shadowed"', b'"activated"')]})  # by somebody else
    said = {one.model: (one.what, one.why) for one in (gone, *going)}
    assert said["confluence-memes"][0] == "withdraw"
    assert said["confluence-alts"] == ("leave out", f"{'f' * 16} serves since the round began, so it does not withdraw")


def shadowed(model: str, since: int) -> bytes:
    name = f"00000000-0000-5000-8000-{since % 10**12:012}"
    return encode(ModelEvent(id=name, model=model, version="f" * 16, event="shadowed", ts_event=since))
