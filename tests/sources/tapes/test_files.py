"""Lines of files, packed or not, whole or not."""

import gzip
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sources.tapes import files
from sources.tapes.errors import TapeError
from sources.tapes.files import Damage, PartFile


@pytest.mark.parametrize("packed", [False, True])
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(lines=st.lists(st.binary(max_size=40).filter(lambda line: b"\n" not in line), min_size=1), ended=st.booleans())
def test_lines_come_as_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[bytes], *, packed: bool, ended: bool
) -> None:
    monkeypatch.setattr(files, "_CHUNK", 16)
    content = b"\n".join(lines) + (b"\n" if ended else b"")
    if not content:
        return
    path = tmp_path / "tape"
    path.write_bytes(gzip.compress(content) if packed else content)
    expected = lines if ended or lines[-1] else lines[:-1]
    part = PartFile(path)
    if packed or not content.startswith(b"\x1f\x8b"):
        assert list(part.lines()) == expected
        assert part.read == part.size == path.stat().st_size


def test_a_packed_file_cut_short_gives_all_that_is_readable_and_then_says_so(tmp_path: Path) -> None:
    lines = [str(number).encode() * 20 for number in range(5_000)]
    packed = gzip.compress(b"\n".join(lines))
    path = tmp_path / "tape.gz"
    path.write_bytes(packed[: len(packed) // 2])
    found: list[bytes] = []
    with pytest.raises(Damage, match="cut short or corrupt") as caught:
        found.extend(PartFile(path).lines())
    assert found == lines[: len(found)]
    assert len(found) > 1_000
    assert lines[len(found)].startswith(caught.value.rest)


def test_a_line_without_end_is_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_CHUNK", 16)
    monkeypatch.setattr(files, "_LONGEST", 64)
    path = tmp_path / "tape"
    path.write_bytes(b"a\n" + b"b" * 1_000)
    lines = PartFile(path).lines()
    assert next(lines) == b"a"
    with pytest.raises(Damage, match="no end of line within 64 bytes") as caught:
        next(lines)
    assert caught.value.rest == b"b" * 78  # whole chunks of 16 bytes, less the first line


def test_what_cannot_be_opened_is_one_clear_line(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    for path, reason in ((tmp_path / "none", "No such file"), (tmp_path, "Is a directory"), (empty, "file is empty")):
        with pytest.raises(TapeError, match=reason) as caught:
            PartFile(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
