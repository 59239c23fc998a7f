"""From the registry through the log to signals, and back again."""

import json
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace

from flows.embedded.broker import CLIENT, EmbeddedBroker
from flows.engine import desk_config
from flows.errors import FlowError
from flows.feeds import recorded_feed, simulated_feed
from flows.ingest import Recorder, ingest
from flows.models import Step, activate, astray, back, effective_close, rollback, unpassed
from flows.replay import replay
from flows.settings import KafkaSettings, ModelsSettings, Settings, StrategySettings
from models.errors import ModelRefused
from models.manifest import GATES, Gate
from models.registry import Registry
from operators.desk.confluence import version_of
from operators.desk.serving import PROGRAM, Serving
from schemas.codec import encode
from schemas.market import Activation
from schemas.results import ModelEvent
from schemas.time import DAY, MINUTE, SECOND, from_text
from sources.activations import Activations
from sources.simulator import Simulator, SimulatorConfig
from tests.flows.test_cli import candlewick
from tests.kafka_tools import put
from tests.models.trees import trained

START = 19_700 * DAY


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    strategy = StrategySettings(timeframes=("1m",), threshold=0.1, cooldown_bars=0)
    return Settings(strategy=strategy, models=ModelsSettings(dir=tmp_path / "models", min_probability=0.0))


@pytest.fixture
def versions(settings: Settings) -> list[str]:
    known, found = Registry(settings.models.dir), []
    for seed in (1, 2):
        made = trained(seed, catalogue=PROGRAM)
        passed = [Gate(name=name, passed=True) for name in GATES]
        manifest = replace(
            made.manifest, gates=[*passed, Gate(name="edge", passed=seed == 1, detail="0.1 < 0.2")],
            strategy_version=version_of(desk_config(settings).strategy),
        )  # fmt: skip
        found.append(known.add(manifest, made.files, PROGRAM))
    return found


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten minutes of a market after a few hours of its history."""
    path = tmp_path_factory.mktemp("tape") / "market.jsonl"
    market = Simulator(SimulatorConfig(seed=3, start=START, duration=600 * SECOND).checked())
    with Recorder(path) as writer:
        ingest(simulated_feed(market, history_days=0.1).items, writer)
    return path


def _signals(folder: Path) -> list[tuple[int, str]]:
    """Minute and version of the model."""
    lines = (folder / "signals.candidates.jsonl").read_text().splitlines()
    said = [json.loads(line) for line in lines]
    return [((s["ts_event"] - START) // MINUTE, s["models"][0]["version"] if s["models"] else "") for s in said]


def test_a_replay_with_activation_and_rollback_in_its_midst_is_the_same_to_the_byte(
    settings: Settings, versions: list[str], tape: Path, tmp_path: Path
) -> None:
    one, other = versions
    file = tmp_path / "activations.jsonl"
    activate(settings, "majors", one, START + 3 * MINUTE, file)
    activate(settings, "majors", other, START + 5 * MINUTE, file, despite_gates=True)
    rollback(settings, "majors", START + 7 * MINUTE, file)
    for name in ("a", "b"):
        replay(settings, recorded_feed([str(tape)], None, activations=[file]), tmp_path / name)
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert "models.events.jsonl" in names
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    page = candlewick("models", "changelog", "--from", "a", folder=tmp_path).stdout
    assert [line.split(": ")[1] for line in page.splitlines() if line.startswith("## ")] == [
        f"majors {one} activated", f"majors {other} activated", f"majors {one} activated",
    ]  # fmt: skip
    assert "- Gates it did not pass: edge" in page
    assert "out of sample: outcomes 600" in page
    said = _signals(tmp_path / "a")
    expected = {**dict.fromkeys((3, 4), one), **dict.fromkeys((5, 6), other), **dict.fromkeys(range(7, 11), one)}
    assert {minute for minute, _ in said} > {2, 3, 5, 7}
    assert said == [(minute, expected.get(minute, "")) for minute, _ in said]


def test_a_signal_is_explained_from_files(settings: Settings, versions: list[str], tape: Path, tmp_path: Path) -> None:
    file, out = tmp_path / "a.jsonl", tmp_path / "out"
    activate(settings, "majors", versions[0], START, file)
    replay(settings, recorded_feed([str(tape)], None, activations=[file]), out, "parquet")
    table = pq.read_table(out / "signals.published.parquet").to_pylist()
    identifier = next(row["id"] for row in table if row["ts_event"] > START)
    told = candlewick("explain", identifier, "--from", "out", folder=tmp_path)
    assert told.returncode == 0, told.stderr
    assert identifier in told.stdout
    assert "= logit" in told.stdout
    (said,) = json.loads(candlewick("explain", identifier, "--from", "out", "--json", folder=tmp_path).stdout)["models"]
    parts = sum(part["contribution"] for part in said["contributions"])
    assert said["base"] + parts == pytest.approx(said["logit"], abs=1e-9)
    for wrong, words in (("nonsense", "an identifier is a UUID"), (str(UUID(int=1)), "there is none in out")):
        assert words in candlewick("explain", wrong, "--from", "out", folder=tmp_path).stderr
    nowhere = candlewick("explain", identifier, "--from", "nowhere", folder=tmp_path).stderr
    assert nowhere.startswith("candlewick: nowhere: neither signals.published nor signals.candidates;")


def test_an_engine_without_a_model_imports_nothing_that_learns() -> None:
    heavy = {"evidently", "lightgbm", "onnx", "onnxruntime", "pandas", "river", "scipy", "sklearn"}
    code = f"import sys, flows.run, flows.cli.run; print({heavy!r} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("set()\n", "")


def test_replays_learn_the_same_online(tape: Path, tmp_path: Path) -> None:
    """In processes of their own, whose sets and dictionaries are seeded otherwise."""
    for seed in ("1", "2"):
        done = candlewick(
            "replay", str(tape), "--out", seed, folder=tmp_path, PYTHONHASHSEED=seed, CANDLEWICK_MODELS__ONLINE="true",
            CANDLEWICK_STRATEGY__THRESHOLD="0.1", CANDLEWICK_STRATEGY__COOLDOWN_BARS="0",
            CANDLEWICK_STRATEGY__TIMEFRAMES="1m",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    one, other = (tmp_path / seed / "signals.candidates.jsonl" for seed in ("1", "2"))
    assert one.read_bytes() == other.read_bytes()
    assert b"too few to be heard" in one.read_bytes() or b"online-logistic" in one.read_bytes()


def test_who_did_not_pass_its_gates_is_not_activated(settings: Settings, versions: list[str], tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match=r"did not pass edge \(0.1 < 0.2\); --despite-gates"):
        activate(settings, "majors", versions[1], START, tmp_path / "a.jsonl")
    manifest = replace(trained(1, catalogue=PROGRAM).manifest, gates=[])
    unseen = Registry(settings.models.dir).add(manifest, trained(1, catalogue=PROGRAM).files, PROGRAM)
    with pytest.raises(ModelRefused, match="was never put before the gates"):
        activate(settings, "majors", unseen, START, tmp_path / "a.jsonl")
    some = replace(manifest, gates=[Gate(name="outcomes", passed=True)])
    assert unpassed(some) == "was never put before the gate no leak"
    assert some.gates_failed == [*GATES[1:]]
    few = replace(some, gates=[Gate(name=name, passed=True) for name in GATES], outcomes=80)
    assert unpassed(few) == "learned from 80 outcomes, 500 are the least"
    assert few.gates_failed == ["outcomes"]
    assert not (tmp_path / "a.jsonl").exists()


def test_a_rollback_of_the_first_leaves_the_rules_alone(
    settings: Settings, versions: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "a.jsonl"
    activate(settings, "majors", versions[0], START, file)
    (record,) = rollback(settings, "majors", START + MINUTE, file)
    assert record.version == ""
    with pytest.raises(FlowError, match="minors was never activated"):
        rollback(settings, "minors", START + MINUTE, file)


def test_a_rollback_takes_back_what_is_to_come(settings: Settings, versions: list[str], tmp_path: Path) -> None:
    one, other = versions
    file, serving = tmp_path / "a.jsonl", Serving(desk_config(settings), Registry(settings.models.dir))
    activate(settings, "majors", one, START, file)
    for minute in (60, 120):
        activate(settings, "majors", other, START + minute * MINUTE, file, despite_gates=True)
    rollback(settings, "majors", START + 10 * MINUTE, file)
    for record in Activations(file):
        assert isinstance(record, Activation)
        serving.add(record.effective_close, record)
    served = []
    for minute in (0, 10, 60, 120):
        serving.move(START + minute * MINUTE)
        served.append(serving.active["majors"])
    assert served == [one] * 4


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([(1, "a"), (5, "b")], ("a", [10])),
        ([(1, "a"), (5, "b"), (6, "b")], ("a", [10])),  # activated twice
        ([(1, "a"), (10, "b")], ("a", [10])),
        ([(1, "a"), (30, "b"), (20, "c")], ("a", [20, 30])),
        ([(30, "b")], ("", [30])),
        ([(1, "a"), (2, "b"), (5, "c"), (5, "b")], ("a", [10])),  # c was taken back and never served
        ([(1, "a"), (2, "b"), (30, "c"), (30, "b")], ("a", [10, 30])),  # b comes once more, after c
    ],
)
def test_a_rollback_goes_back_to_what_served(steps: list[Step], expected: tuple[str, list[int]]) -> None:
    assert back(steps, 10) == expected


def test_the_log_takes_no_activation_that_a_rollback_would_not_find(settings: Settings, versions: list[str]) -> None:
    with pytest.raises(FlowError, match="an hour ahead at most"):
        activate(settings, "majors", versions[0], effective_close(None) + 120 * MINUTE)


def test_on_the_embedded_broker_a_rollback_takes_back_what_is_to_come(settings: Settings, versions: list[str]) -> None:
    """Which does not look by time."""
    with EmbeddedBroker() as broker:
        own = at_broker(settings, broker)
        close = effective_close(None)
        activate(own, "majors", versions[0], close + 10 * MINUTE)
        (record,) = rollback(own, "majors", close)
        assert (record.version, record.effective_close) == ("", close + 10 * MINUTE)


def test_an_activation_is_written_where_the_engines_read_the_versions(settings: Settings, versions: list[str]) -> None:
    with EmbeddedBroker() as broker:
        own = at_broker(settings, broker)
        assert astray(own) == ""
        for number, version in enumerate((versions[0], "f" * 16)):
            told = ModelEvent(
                id=str(UUID(int=number)), model="majors", version=version, event="activated", ts_event=START + number
            )
            put({**CLIENT, "bootstrap.servers": broker.bootstrap}, [(b"majors", encode(told), 0, 1)], "models.events")
            assert bool(astray(own)) == (number == 1)
        assert f"{settings.models.dir} is not where the engines read: model majors has no version" in astray(own)


def at_broker(settings: Settings, broker: EmbeddedBroker) -> Settings:
    return settings.model_copy(update={"kafka": KafkaSettings(bootstrap=broker.bootstrap, transactions=False)})


def test_a_close_is_a_time() -> None:
    assert effective_close("2024-05-01T00:05Z") == from_text("2024-05-01T00:05Z")
    assert effective_close(None) % MINUTE == 0
    with pytest.raises(FlowError, match="--at noon"):
        effective_close("noon")
    for asked in ("1500-01-01", "9999-01-01"):
        with pytest.raises(FlowError, match=f"--at {asked}: no close of ours"):
            effective_close(asked)


def test_the_command_lists_shows_compares_and_activates(
    settings: Settings, versions: list[str], tmp_path: Path
) -> None:
    one, other = versions
    (tmp_path / "models" / "majors" / other / "model.txt").write_text("tampered")
    (tmp_path / "models" / "majors" / ("0" * 16)).mkdir()

    def said(*arguments: str) -> tuple[int, str]:
        done = candlewick("models", *arguments, folder=tmp_path, CANDLEWICK_MODELS__DIR="models")
        return done.returncode, done.stdout + done.stderr

    status, table = said("list")
    assert status == 0
    assert "could serve" in table
    assert "model.txt was changed" in table
    assert "manifest.json" in table
    assert '"outcomes": 600' in said("show", "majors", one[:6])[1]
    assert '+ "seed": 2' in said("diff", "majors", one, other)[1]
    assert said("activate", "majors", one, "--at", "2024-05-01T00:05Z", "--to", "a.jsonl") == (
        0, f"majors {one} serves from the close 2024-05-01T00:05:00Z on\n",
    )  # fmt: skip
    assert said("activate", "majors", "x") == (
        2, "candlewick: model majors: no version begins with x; see `candlewick models list`\n",
    )  # fmt: skip
    assert said("rollback", "majors", "--at", "2024-05-01T00:06Z", "--to", "a.jsonl") == (
        0, "no version of majors serves from the close 2024-05-01T00:06:00Z on\n",
    )  # fmt: skip
