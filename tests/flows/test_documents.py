import json
from pathlib import Path

import pytest

from flows.documents import write_documents
from flows.errors import FlowError
from schemas.topics import TOPICS


def test_a_document_a_topic_and_one_for_all(tmp_path: Path) -> None:
    written = write_documents(tmp_path / "made", 12)
    names = {f"{topic.name}.schema.json" for topic in TOPICS} | {"asyncapi.json"}
    assert {path.name for path in written} == names == {path.name for path in (tmp_path / "made").iterdir()}
    assert json.loads((tmp_path / "made" / "asyncapi.json").read_text())["asyncapi"] == "3.0.0"


def test_a_second_writing_changes_no_byte(tmp_path: Path) -> None:
    first = {path: path.read_bytes() for path in write_documents(tmp_path, 12)}
    assert {path: path.read_bytes() for path in write_documents(tmp_path, 12)} == first


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(FlowError, match=r"--out .*/out: File exists; name a directory"):
        write_documents(tmp_path / "out", 12)
