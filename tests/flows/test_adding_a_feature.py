"""The guide's example, put where it says."""

import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

_ROOT = Path(__file__).resolve().parents[2]
_PROGRAM = """
import doctest, json
from operators import indicators
indicators.__path__.append({folder!r})
from operators.features import CATALOGUE, FeatureSet
from operators.feature import Moment
from operators.indicators import close_position
from operators.bars import OpenBar

def bar(number, close):
    made = OpenBar(number * 60_000_000_000)
    for place, price in enumerate((100.0, 110.0, 90.0, close)):
        made.trade((number * 60_000_000_000 + place, place), price, 1.0, "buy")
    return made

features = FeatureSet("1m")
values = [features.update(bar(number, 90.0 + number), Moment()).get("close_position_10") for number in range(11)]
failed, tried = doctest.testmod(close_position)
print(json.dumps([len(CATALOGUE), values, failed, tried]))
"""


def test_the_example_becomes_a_feature_by_being_there(tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", (_ROOT / "docs/adding-a-feature.md").read_text(), re.DOTALL)
    (tmp_path / "close_position.py").write_text(example)
    command = [sys.executable, "-c", _PROGRAM.format(folder=str(tmp_path))]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    count, values, failed, tried = msgspec.json.decode(done.stdout)
    assert count == 1 + len(re.findall(r"^## ", (_ROOT / "docs/features.md").read_text().split("# Context")[0], re.M))
    assert values[:9] == [None] * 9
    assert values[9:] == pytest.approx(
        [sum(number / 20 for number in range(first, first + 10)) / 10 for first in (0, 1)]
    )
    assert (failed, tried) == (0, 2)
