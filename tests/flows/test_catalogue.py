"""The page of the catalogue is the catalogue."""

import re
from pathlib import Path

from flows.catalogue import catalogue_entries, catalogue_page
from flows.plots import drawn
from operators.desk.context import CONTEXT
from operators.features import CATALOGUE


def test_the_page_in_docs_is_what_the_command_makes() -> None:
    written = (Path(__file__).parents[2] / "docs" / "features.md").read_text(encoding="utf-8")
    assert written == catalogue_page(), "candlewick features --markdown > docs/features.md makes it anew"


def test_every_feature_has_its_section() -> None:
    assert catalogue_page().count("\n## ") == len(CATALOGUE) + len(CONTEXT)


def test_every_feature_has_a_small_plot() -> None:
    folder = Path(__file__).parents[2] / "docs" / "features"
    sizes = {path.stem: path.stat().st_size for path in folder.glob("*.svg")}
    wanted = {feature.name for feature in (*CATALOGUE, *CONTEXT)}
    assert sizes.keys() == wanted, "candlewick features --plots docs/features makes them anew"
    assert max(sizes.values()) < 2_500


def test_a_plot_leaves_a_hole_where_nothing_is_known() -> None:
    svg = drawn([None, 1.0, 2.0, None, 3.0])
    assert 'd="M2,52h1L4,28M8,4h1"' in svg
    assert re.findall(r">([^<]+)</text>", svg) == ["3", "1"]
    assert "not told in the simulation" in drawn([None, None])
    assert 'd="M0,28h1L2,28"' in drawn([7.0, 7.0])


def test_a_memory_that_timeframes_differ_in_is_told_of_each() -> None:
    (score,) = [entry for entry in catalogue_entries() if entry.name == "return_1_z"]
    assert score.memory == score.warm_up == "two sessions and a bar, on 4h and 1d 22 bars"
    assert "score" not in {entry.memory for entry in catalogue_entries()}
