"""What is found of the registry of models."""

from pathlib import Path

from flows.doctor.models import check_models
from models.registry import Registry
from operators.desk.serving import PROGRAM
from tests.models.trees import trained


def test_a_version_without_a_manifest_is_bad(tmp_path: Path) -> None:
    made = trained(1, catalogue=PROGRAM)
    Registry(tmp_path).add(made.manifest, made.files, PROGRAM)
    assert check_models(tmp_path).found == f"1 versions of 1 models in {tmp_path}"
    (tmp_path / "majors" / ("0" * 16)).mkdir()
    found = check_models(tmp_path)
    assert found.state == "bad"
    assert "manifest.json" in found.found
