"""From bars to a model in the registry, by the commands."""

from pathlib import Path

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from flows.cli.application import application
from flows.dataset import make_dataset
from flows.errors import FlowError
from flows.feeds import simulated_past
from flows.ledger import Ledger
from flows.replay import replay
from flows.settings import EngineSettings, Settings, StrategySettings
from flows.training import evaluate, train_config
from models.config import Boosting, TrainConfig
from models.costs import Costs, question_hash
from models.dataset import load
from models.errors import ModelError
from models.registry import Registry
from models.training import segments
from operators.desk.serving import PROGRAM
from tests.flows.market_files import replayed, walk_file

CONFIG = """
windows = 2
first = 0.6
least_outcomes = 80
[segments]
all = []
[boosting]
rounds = 20
least_rows = 10
"""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("training")
    results = replayed(folder / "replay", {"simx:ONE/USDT:USDT": walk_file(folder / "one.csv", 3_100)}, threshold=0.1)
    assert "ended with a net profit" in run("dataset", results, "--out", folder / "set")
    (folder / "train.toml").write_text(CONFIG)
    return folder / "set"


def run(*arguments: object) -> str:
    result = CliRunner().invoke(
        application(("dataset", "evaluate", "replay", "train")), [*map(str, arguments)], catch_exceptions=False
    )
    assert result.exit_code == 0
    return result.output


def test_a_model_of_a_random_walk_enters_the_registry_and_must_not_serve(tmp_path: Path, dataset: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    told = ("--config", dataset.with_name("train.toml"), "--ledger", ledger)
    said = run("evaluate", dataset, *told, "--html", tmp_path / "report.html", "--combinatorial")
    assert said.count("15 choices of test") == 2
    assert "looked at 0 times before" in said
    page = (tmp_path / "report.html").read_text()
    assert page.count("<svg") == 6
    assert "<script" not in page
    said = run("train", dataset, *told, "--registry", tmp_path / "models")
    assert "looked at 1 times before" in said
    assert "must not serve: " in said
    registry = Registry(tmp_path / "models")
    (version,) = registry.versions("confluence-all")
    model = registry.load("confluence-all", version, PROGRAM)
    assert not all(gate.passed for gate in model.manifest.gates)
    told_of = load(dataset).manifest
    assert model.manifest.question_hash == question_hash(told_of.strategies, told_of.costs)
    usual = model.manifest.closes["5m"]  # of every close, not only those of candidates
    assert usual.window == 264
    assert set(usual.reference) <= {*model.manifest.inputs} - {"direction", "score"}
    assert all(limits.keys() == {"location", "psi", "ks"} for limits in usual.drift.values())
    assert {trial.learner for trial in Ledger(ledger).trials()} == {"lightgbm", "logistic"}
    tested, whole = (look for look in Ledger(ledger).looks()[1:3])
    assert whole.at == tested.at  # one look, over every choice of test too
    assert whole.ts_start < tested.ts_start < tested.ts_end <= whole.ts_end
    assert run("train", dataset, *told, "--registry", tmp_path / "models").count(version) == 1
    assert registry.versions("confluence-all") == [version]  # but for the ledger, nothing has changed


def test_a_simulated_past_can_be_learned_from(tmp_path: Path) -> None:
    for command, wanted in (("replay", "either INPUT"), ("dataset", "one of DIRECTORY")):
        with pytest.raises(FlowError, match=wanted):
            run(command, "--out", tmp_path / "none")
    told = Settings(strategy=StrategySettings(threshold=0.2), engine=EngineSettings(timeframes=("1m", "5m", "15m")))
    replay(told, simulated_past(0.2, seed=3), tmp_path / "replay")
    made = make_dataset([tmp_path / "replay"], tmp_path / "set", Costs())
    assert len(made.instruments) == 4
    assert 0 < made.wins < made.labels


def test_what_is_missing_is_told(tmp_path: Path, dataset: Path) -> None:
    with pytest.raises(FlowError, match=r"alts: .* 500 are needed: .* more, at its pace some .* days more"):
        evaluate(dataset, TrainConfig(), Ledger(tmp_path / "ledger"), "evaluate")


def test_a_segment_with_too_little_does_not_keep_the_others_from_being_looked_at(
    tmp_path: Path, dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Enough outcomes in all, and none of them in some window."""
    config = replace(train_config(dataset.with_name("train.toml")), segments={"all": []})
    (whole,), _ = segments(load(dataset), config)
    early = replace(whole, segment="early", sample=whole.sample.take(whole.sample.decided < whole.sample.decided[9]))
    monkeypatch.setattr("flows.training.segments", lambda *_: ([early, whole], []))
    (found,), left = evaluate(dataset, config, Ledger(tmp_path / "ledger"), "evaluate")
    assert found.candidate.segment == "all"
    assert len(left) == 1
    assert left[0].startswith("early: ")
    monkeypatch.setattr("flows.training.segments", lambda *_: ([early], []))
    with pytest.raises(FlowError, match=r"^early: "):
        evaluate(dataset, config, Ledger(tmp_path / "ledger"), "evaluate")


def test_a_span_with_too_much_missing_is_told(tmp_path: Path) -> None:
    walk = walk_file(tmp_path / "one.csv", 900, left_out=range(300, 500))
    make_dataset([replayed(tmp_path / "replay", {"simx:ONE/USDT:USDT": walk})], tmp_path / "set", Costs())
    with pytest.raises(FlowError, match=r"bars are missing for 0\.7 of 2\.7 days.* days more are needed"):
        evaluate(tmp_path / "set", TrainConfig(least_outcomes=1), Ledger(tmp_path / "ledger"), "evaluate")


def test_the_documented_configuration_is_the_default(tmp_path: Path) -> None:
    text = (Path(__file__).resolve().parents[2] / "docs/models.md").read_text()
    (tmp_path / "train.toml").write_text(text.partition("```toml\n")[2].partition("```")[0])
    told = train_config(tmp_path / "train.toml")
    assert replace(told, segments=TrainConfig().segments) == TrainConfig()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("windows = 'x'", "windows"),
        ("window = 1", "window"),
        ("windows = 0", "windows = 0"),
        ("=", ""),
        ("[boosting]\nleaves = 1", "leaves"),
        ("[boosting]\nlearning_rate = -1.0", "learning_rate"),
        ("[linear]\nc = 0", "c`"),
        ("[segments]\n'My Own' = ['BTC']", "segments: 'My Own'"),
        ("seed = -1", "seed"),
    ],
)
def test_a_wrong_configuration_is_named(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "train.toml"
    path.write_text(text)
    with pytest.raises(FlowError, match=rf"train\.toml: .*{named}"):
        train_config(path)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (TrainConfig(without=["nonsense"]), "without: nonsense is no input of the data set"),
        (TrainConfig(boosting=Boosting(monotone={"nonsense": 1})), r"boosting\.monotone: nonsense is no input"),
    ],
)
def test_an_input_that_there_is_not_is_named(tmp_path: Path, dataset: Path, config: TrainConfig, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        evaluate(dataset, config, Ledger(tmp_path / "ledger"), "evaluate")
