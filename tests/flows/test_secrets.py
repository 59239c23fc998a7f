"""Secrets are planted wherever one can stand, and something goes wrong: nobody repeats them."""

from pathlib import Path

import pytest

from flows.settings import SettingsError, load
from tests.flows.test_cli import candlewick

SECRET = "hunter2-and-more"  # noqa: S105, a made-up one
HOSTLESS = f"postgresql://candlewick:{SECRET}@127.0.0.1:1/candlewick"
LOGIN = '"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", "sasl.username": "u"'
REFUSED = f'{{{LOGIN}, "sasl.password": "{SECRET}"}}'


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KAFKA__CLIENT", f'{{"sasl.password": "{SECRET}"'),
        ("KAFKA__CLIENT", f'"{SECRET}"'),
        ("KAFKA__CLIENT", SECRET),
        ("KAFKA__CLIENT", f'["{SECRET}"]'),
        ("KAFKA__CLIENT", f'{{"sasl": {{"password": ["{SECRET}"]}}}}'),
        ("KAFKA__CLIENT", f'{{"ssl.key.password": ["{SECRET}"]}}'),
        ("KAFKA", f'{{"client": "{SECRET}"}}'),
        ("KAFKA", SECRET),
        ("DATABASE", HOSTLESS),
        ("DATABASE", f'{{"dsn": ["{HOSTLESS}"]}}'),
        ("DATABASE", f'{{"password": "{SECRET}"}}'),
        ("DATABASE", f'["{SECRET}"]'),
    ],
)
def test_a_setting_that_is_wrong(name: str, value: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(f"CANDLEWICK_{name}", value)
    with pytest.raises(SettingsError) as refused:
        load()
    assert SECRET not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        f'[kafka.client]\nsasl.password = ["{SECRET}"]\n',
        f'[kafka.client]\n"sasl.password" = ["{SECRET}"]\n',
        f'[database]\npassword = "{SECRET}"\n',
        f'[database]\ndsn = "{HOSTLESS}\n',
        f"[database]\ndsn = {HOSTLESS}\n",
        f'dsn = "{HOSTLESS}"\n',
        f'[database]\ndsn = "{HOSTLESS}"\ndsn = "{HOSTLESS}"\n',
    ],
)
def test_a_file_that_is_wrong(text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "candlewick.toml").write_text(text)
    with pytest.raises(SettingsError) as refused:
        load()
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("words", "client", "dsn"),
    [
        ("doctor --json", REFUSED, HOSTLESS),
        ("doctor --json", f'{{"ssl.key.pem": "{SECRET}"}}', f"postgresql://u:hunt@er/{SECRET}@h/db"),
        (
            "doctor --json",
            f'{{"ssl.key.password": "{SECRET}", "acks": "{SECRET}"}}',
            f"password={SECRET} port=x{SECRET}",
        ),
        ("run", f'{{"ssl.key.pem": "{SECRET}", "security.protocol": "ssl"}}', HOSTLESS),
        ("keys list", "{}", HOSTLESS),
        ("keys list", "{}", f"postgresql://u:hunt@er/{SECRET}@h/db"),
        ("migrate", "{}", f"{SECRET} {HOSTLESS}"),
        ("api", "{}", f"postgresql://u:hunt@er/{SECRET}@h/db"),
    ],
)
def test_a_command_that_fails(words: str, client: str, dsn: str, tmp_path: Path) -> None:
    environment = {
        "CANDLEWICK_KAFKA__BOOTSTRAP": "127.0.0.1:1", "CANDLEWICK_KAFKA__CLIENT": client,
        "CANDLEWICK_DATABASE__DSN": dsn, "CANDLEWICK_DATABASE__READ_DSN": dsn, "CANDLEWICK_API__PORT": "8312",
    }  # fmt: skip
    done = candlewick(*words.split(), folder=tmp_path, **environment)
    assert done.returncode in (1, 2, 75)
    assert SECRET not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
