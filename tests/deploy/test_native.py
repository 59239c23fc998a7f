"""What the builder does where it can build, and what it says where it cannot."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.native import build
from schemas.compiled import current

needs_compiler = pytest.mark.skipif(
    not (shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")), reason="no C compiler is on this machine"
)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "twice.pyx"
    path.write_text("def of(double value):\n    return 2 * value\n")
    return path


@needs_compiler
def test_built_once_and_anew_when_the_source_changes(source: Path) -> None:
    assert build(source).startswith("built twice.")
    command = [sys.executable, "-c", "import twice; print(twice.of(2.5))"]
    assert subprocess.run(command, cwd=source.parent, check=True, capture_output=True, text=True).stdout == "5.0\n"
    assert build(source) == ""
    assert current(source)
    source.write_text("def of(double value):\n    return 3 * value\n")
    assert not current(source)
    assert build(source).startswith("built twice.")


@needs_compiler
def test_what_another_source_was_built_to_does_not_outlive_it(source: Path) -> None:
    build(source)
    source.write_text("def of(:")
    assert build(source).startswith("Python does what could be compiled")
    assert not list(source.parent.glob("*.so"))


@needs_compiler
def test_a_source_that_is_wrong_is_named(source: Path) -> None:
    source.write_text("def of(:")
    assert "twice.pyx" in build(source)
    assert not list(source.parent.glob("*.so"))


def test_without_a_compiler(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert build(source).endswith("takes longer: there is no C compiler (Debian: gcc)")


@needs_compiler
def test_without_headers(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path))
    assert "(Debian: python3-dev)" in build(source)
