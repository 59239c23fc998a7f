"""Settings: from file and environment, and errors that name key, value and what is allowed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from flows.settings import Settings, SettingsError, load


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory without a settings file."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_environment_wins_over_file_over_default(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Section by section and key by key."""
    (elsewhere / "candlewick.toml").write_text('[engine]\nworkers = 3\nbatch_size = 7\n[kafka]\nbootstrap = "a:1"\n')
    monkeypatch.setenv("CANDLEWICK_ENGINE__WORKERS", "2")
    settings = load()
    assert (settings.engine.workers, settings.engine.batch_size) == (2, 7)
    assert (settings.kafka.bootstrap, settings.kafka.partitions) == ("a:1", 12)
    assert load(engine={"workers": 5}).engine.workers == 5
    monkeypatch.setenv("CANDLEWICK_ENGINE__TIMEFRAMES", "1m, 5m,15m,1h")
    assert load().engine.timeframes == ("1m", "5m", "15m", "1h")


@pytest.mark.parametrize(
    ("name", "value", "parts"),
    [
        ("CANDLEWICK_ENGINE__WORKERS", "0", ["engine.workers", "'0'", "greater than or equal to 1"]),
        ("CANDLEWICK_ENGINE__TIMEFRAMES", '["1m", "2m"]', ["engine.timeframes.1", "'2m'", "'5m'"]),
        ("CANDLEWICK_API__PORT", "eighty", ["api.port", "'eighty'", "integer"]),
        ("CANDLEWICK_KAFKA__BOOTSTRAPS", "x", ["kafka.bootstraps", "no such key"]),
        ("CANDLEWICK_ENGINE__TIMEFRAMES", "1m,7m", ["engine.timeframes.1", "'7m'"]),
        ("CANDLEWICK_STRATEGY__TARGETS_ATR", "1,2", ["strategy.targets_atr", "required"]),
        ("CANDLEWICK_STRATEGY__TARGETS_ATR", "3,2,1", ["strategy.targets_atr", "['3', '2', '1']", "above the one"]),
        ("CANDLEWICK_STRATEGY__TARGETS_ATR", "[1, 2, ", ["strategy.targets_atr", "'[1, 2,", "Expecting value"]),
        ("CANDLEWICK_STRATEGY__TARGETS_ATR", "3", ["strategy.targets_atr", "3"]),
        ("CANDLEWICK_NOPE", "1", ["setting nope: there is no such key"]),
        ("CANDLEWICK_ENGINE_WORKERS", "2", ["setting engine_workers: there is no such key"]),
        ("CANDLEWICK_ENGINE__WORKRES", "2", ["setting engine.workres: there is no such key"]),
        ("CANDLEWICK_ENGIN__WORKERS", "2", ["setting engin.workers: there is no such key"]),
        ("CANDLEWICK_API_PORT", "80", ["setting api_port: there is no such key"]),
        ("CANDLEWICK_ENGINE", '{"workers": ', ["setting engine = '{\"workers\": '", "JSON object"]),
        ("CANDLEWICK_DATABASE", '{"dsn": "postgresql://a:hush@b', ["setting database = (hidden)", "JSON object"]),
        ("CANDLEWICK_KAFKA__CLIENT", "x", ["setting kafka.client = (hidden)", "JSON object"]),
        ("CANDLEWICK_STRATEGY__TARGETS_ATR", "[1, 2, Infinity]", ["strategy.targets_atr.2", "inf"]),
        ("CANDLEWICK_ENGINE__TIMEFRAMES", "[]", ["engine.timeframes", "at least 1"]),
        ("CANDLEWICK_ENGINE__TIMEFRAMES", "1h", ["strategy.timeframes has 15m, 1m, 5m, which engine.timeframes lacks"]),
        ("CANDLEWICK_ENGINE__BOOK_SAMPLE_S", "0", ["engine.book_sample_s = '0'", "equal to 0.001"]),
        ("CANDLEWICK_COSTS__TAKER_FEES", "[[0, -1e9]]", ["costs.taker_fees.0.1 = -1000000000.0", "equal to -100"]),
        ("CANDLEWICK_MODELS", '{"dir": 3}', ["setting models.dir = 3: has to be a directory or s3://bucket/prefix"]),
        (
            "CANDLEWICK_RISK__REGIME_SIZES",
            '{"wild": 1}',
            ["risk.regime_sizes.wild = 'wild'", "'sideways' or 'volatile'"],
        ),
        ("CANDLEWICK_RISK__REGIME_SIZES", '{"bull": 2}', ["risk.regime_sizes.bull = 2", "less than or equal to 1"]),
        ("CANDLEWICK_FAILPOINT", "log", ["failpoint", "'log'", "no failpoint", "log.snapshot"]),
        ("CANDLEWICK_KAFKA__CLIENT", '{"sasl.password": ["hush"]}', ["kafka.client.sasl.password", "(hidden)"]),
    ],
)
def test_a_wrong_value_is_named(name: str, value: str, parts: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The key, what was found, and what is allowed."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        load()
    for part in parts:
        assert part in str(refused.value)
    assert "hush" not in str(refused.value)


def test_lists_may_be_written_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of numbers and of names."""
    monkeypatch.setenv("CANDLEWICK_STRATEGY__TARGETS_ATR", "1, 2,3.5")
    monkeypatch.setenv("CANDLEWICK_API__ALLOWED_HOSTS", "one.example,two.example")
    assert load().strategy.targets_atr == (1.0, 2.0, 3.5)
    assert load().api.allowed_hosts == ("one.example", "two.example")


def test_what_kubernetes_says_of_a_service_of_our_name_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """It puts these into the environment of every container."""
    for name, value in {
        "SERVICE_HOST": "10.0.0.1", "SERVICE_PORT": "80", "API_SERVICE_PORT_HTTP": "80", "PORT": "tcp://10.0.0.1:80",
        "API_PORT_8300_TCP": "tcp://10.0.0.1:8300", "API_PORT_8300_TCP_ADDR": "10.0.0.1",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"CANDLEWICK_{name}", value)
    assert load() == Settings()


def test_a_client_s_settings_may_be_written_without_quotes(elsewhere: Path) -> None:
    """`a.b = 1` is a table in a table for TOML."""
    text = '[kafka.client]\nsasl.password = "x"\n"sasl.username" = "y"\nssl.x.y = 3\n'
    (elsewhere / "candlewick.toml").write_text(text)
    assert load().kafka.client == {"sasl.password": "x", "sasl.username": "y", "ssl.x.y": 3}


def test_a_directory_in_the_place_of_the_file_is_told(elsewhere: Path) -> None:
    (elsewhere / "candlewick.toml").mkdir()
    with pytest.raises(SettingsError, match=r"^candlewick.toml: a directory, not a file of settings$"):
        load()


@pytest.mark.parametrize("text", ["[engine\n", "workers = 3\n", '[engine]\nworkers = "many"\n'])
def test_a_wrong_file_is_named(text: str, elsewhere: Path) -> None:
    """Bad grammar, a key outside its section, a bad value."""
    (elsewhere / "candlewick.toml").write_text(text)
    with pytest.raises(SettingsError):
        load()


def test_every_setting_is_documented() -> None:
    """docs/settings.md has each key with its default."""
    text = (Path(__file__).resolve().parents[2] / "docs/settings.md").read_text()
    for key, default in _keys(Settings):
        assert f"| `{key}` | `{default}` |" in text


def _keys(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, field in model.model_fields.items():
        if isinstance(field.default, BaseModel):
            yield from _keys(type(field.default), f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field.default
