"""The page of the catalogue is the catalogue."""

from pathlib import Path

from flows.catalogue import catalogue_page
from operators.desk.context import CONTEXT
from operators.features import CATALOGUE


def test_the_page_in_docs_is_what_the_command_makes() -> None:
    written = (Path(__file__).parents[2] / "docs" / "features.md").read_text(encoding="utf-8")
    assert written == catalogue_page(), "candlewick features --markdown > docs/features.md makes it anew"


def test_every_feature_has_its_section() -> None:
    assert catalogue_page().count("\n## ") == len(CATALOGUE) + len(CONTEXT)
