"""Against a stand-in for npm: what is done with what it brings. The real one fills the folder in `make setup`."""

import json
import shutil
import stat
from pathlib import Path

import pytest

from deploy import page_assets
from deploy.page_assets import PageAssetsError, install, main, npm_command

API = Path(page_assets.__file__).parents[1] / "api"


@pytest.fixture
def api(tmp_path: Path) -> Path:
    shutil.copytree(API / "page", tmp_path / "api" / "page")
    return tmp_path / "api"


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on PATH with an npm that brings both packages, and the file in which it notes its calls."""
    files = "\n".join(
        f"mkdir -p node_modules/{Path(name).parent}; echo {name} > node_modules/{name}" for name in page_assets._FILES
    )
    log = tmp_path / "calls"
    write(tmp_path / "bin" / "npm", f'echo "$@" >> {log}; test -f package-lock.json || exit 1\n{files}')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    return log


def write(program: Path, script: str) -> None:
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


def test_everything_is_fetched_once(api: Path, calls: Path) -> None:
    assert install(api)
    assert {path.name for path in (api / "static" / "vendor").iterdir()} == {*page_assets._FILES.values(), "made-from"}
    assert not install(api)
    assert calls.read_text().splitlines() == ["ci --ignore-scripts --no-audit --no-fund --loglevel=error"]


def test_another_lock_or_a_lost_file_is_fetched_again(api: Path, calls: Path) -> None:
    install(api)
    (api / "static" / "vendor" / "inter.woff2").unlink()
    assert install(api)
    lock = api / "page" / "package-lock.json"
    lock.write_text(lock.read_text() + "\n")
    assert install(api)
    assert len(calls.read_text().splitlines()) == 3


def test_a_failure_is_one_line_and_leaves_what_was_there(
    api: Path, calls: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    install(api)
    before = sorted((api / "static" / "vendor").iterdir())
    (api / "page" / "package-lock.json").write_text("{}")
    write(tmp_path / "bin" / "npm", "echo 'npm error code E404' >&2; echo 'npm error 404 Not Found' >&2; exit 1")
    with pytest.raises(PageAssetsError, match="npm ci failed: code E404 404 Not Found; is its registry reachable"):
        install(api)
    assert sorted((api / "static" / "vendor").iterdir()) == before
    monkeypatch.setattr(page_assets, "_API", api)
    monkeypatch.setattr(page_assets, "install", lambda: install(api))
    assert main() == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_package_without_a_file_is_named(api: Path, calls: Path, tmp_path: Path) -> None:
    write(tmp_path / "bin" / "npm", "mkdir -p node_modules")
    with pytest.raises(PageAssetsError, match=r"lightweight-charts.*is not in its package"):
        install(api)
    assert not (api / "static" / "vendor").exists()


def test_without_npm_the_one_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    node, cli = npm_command()
    assert Path(node).name == "node"
    assert Path(cli).is_file()
    monkeypatch.setattr(page_assets, "find_spec", lambda _: None)
    with pytest.raises(PageAssetsError, match="there is no npm on PATH"):
        npm_command()


def test_the_lock_fixes_every_package_by_version_and_hash_and_names_no_address() -> None:
    wanted = json.loads((API / "page" / "package.json").read_text())["dependencies"]
    lock = json.loads((API / "page" / "package-lock.json").read_text())["packages"]
    packages = {name.removeprefix("node_modules/"): entry for name, entry in lock.items() if name}
    assert wanted.items() <= {name: entry["version"] for name, entry in packages.items()}.items()
    assert all(entry["integrity"].startswith("sha512-") for entry in packages.values())
    assert not any("resolved" in entry for entry in packages.values())
