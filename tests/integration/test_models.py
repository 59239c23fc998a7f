"""Models on a real Kafka: what they say is that of a replay, whatever the workers, and kill -9 changes nothing."""

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from flows.feeds import recorded_feed
from flows.ingest import Recorder, ingest
from flows.models import activate, effective_close, rollback
from flows.settings import ModelsSettings, Settings
from models.drift import histogram
from models.manifest import GATES, Gate
from models.registry import Registry
from operators.desk.serving import PROGRAM
from schemas.time import MINUTE
from tests.faults.verdict import compare
from tests.integration.golden import SETTINGS, Golden, golden_of
from tests.integration.kafka_broker import KafkaBroker
from tests.integration.pipeline import Pipeline
from tests.models.trees import trained

pytestmark = pytest.mark.integration

_START = 1_723_161_600_000_000_000
_POINTS = (
    "desk.snapshot:2", "signals.commit.before:2", "signals.commit.after:2", "log.read.after:30",
)  # fmt: skip


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """With two versions of a model, and models that learn in the stream."""
    directory = tmp_path_factory.mktemp("models")
    for seed in (1, 2):
        made = trained(seed, catalogue=PROGRAM)
        reference = {name: histogram(made.rows[:, at]) for at, name in enumerate(made.manifest.inputs)}
        gates = [Gate(name=name, passed=True) for name in GATES]
        Registry(directory).add(replace(made.manifest, reference=reference, gates=gates), made.files, PROGRAM)
    models = ModelsSettings(dir=directory, online=True, min_probability=0.0)
    strategy = SETTINGS.strategy.model_copy(update={"cooldown_bars": 0, "threshold": 0.1})
    return SETTINGS.model_copy(update={"models": models, "strategy": strategy})


@pytest.fixture(scope="module")
def scored(recording: Path, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Golden]:
    """The market with activations and a rollback in its midst, and what a replay makes of it."""
    folder = tmp_path_factory.mktemp("scored")
    one, other = Registry(settings.models.dir).versions("majors")
    told = folder / "activations.jsonl"
    activate(settings, "majors", one, _START - 120 * MINUTE, told)
    activate(settings, "majors", other, _START + 1 * MINUTE, told)
    rollback(settings, "majors", _START + 9 * MINUTE, told)
    path = folder / "market.jsonl"
    with Recorder(path) as writer:
        ingest(recorded_feed([str(recording)], None, activations=[told]).items, writer)
    return path, golden_of(recorded_feed([str(path)], None), folder / "golden", settings)


def pipeline_of(
    settings: Settings, broker: KafkaBroker, folder: Path, *, partitions: int, workers: int = 1, epoch_s: float = 1.0
) -> Pipeline:
    pipeline = Pipeline(broker, folder, partitions=partitions, workers=workers, epoch_s=epoch_s)
    pipeline.environment["CANDLEWICK_MODELS"] = settings.models.model_dump_json()
    pipeline.environment["CANDLEWICK_STRATEGY"] = settings.strategy.model_dump_json()
    return pipeline


def test_all_that_is_to_be_seen_happens(scored: tuple[Path, Golden]) -> None:
    golden = scored[1]
    assert len(golden["models.events"]) == 3
    said = [json.loads(value) for value in golden["signals.candidates"].values()]
    assert {signal["models"][1]["version"] for signal in said if len(signal["models"]) > 1} == {
        json.loads(value)["version"] for value in golden["models.events"].values()
    }
    assert golden["quality.drift"]
    weights = {one["weight"] for signal in said for one in signal["models"] if one["model"] == "online-logistic"}
    assert len(weights) > 3  # they have learnt, and are heard


def test_live_equals_replay_with_models_on(
    settings: Settings, scored: tuple[Path, Golden], brokers: Callable[[], KafkaBroker], tmp_path: Path
) -> None:
    """On two workers; the one below has one."""
    recording, golden = scored
    pipeline = pipeline_of(settings, brokers(), tmp_path, partitions=4, workers=2)
    pipeline.run("ingest", "--tape", str(recording))
    pipeline.run("run", "--until-end")
    assert compare(pipeline.read(), golden).good
    assert "identical" in pipeline.run("verify-parity")

    kafka = settings.kafka.model_copy(update={"bootstrap": pipeline.broker.bootstrap})
    own = settings.model_copy(update={"kafka": kafka})
    serves, other = Registry(settings.models.dir).versions("majors")
    pending = effective_close(None) + 50 * MINUTE
    activate(own, "majors", other, pending)
    (taken_back,) = rollback(own, "majors", effective_close(None))
    assert (taken_back.version, taken_back.effective_close) == (serves, pending)  # it follows in the log


def test_kill_9_changes_nothing(
    settings: Settings, scored: tuple[Path, Golden], brokers: Callable[[], KafkaBroker], tmp_path: Path
) -> None:
    """Again and again while activations and labels come in: all of it lies in so short a log."""
    recording, golden = scored
    pipeline = pipeline_of(settings, brokers(), tmp_path, partitions=2, epoch_s=0.1)
    pipeline.environment["CANDLEWICK_ENGINE__BATCH_SIZE"] = "200"
    pipeline.run("ingest", "--tape", str(recording))
    for point in _POINTS:
        engine = pipeline.start("run", "--until-end", CANDLEWICK_FAILPOINT=point)
        said = engine.communicate(timeout=60)
        assert engine.returncode == -signal.SIGKILL, (point, said)
    pipeline.run("run", "--until-end")
    assert compare(pipeline.read(), golden).good
