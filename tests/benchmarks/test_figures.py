"""Figures, and the two ways in which they are shown."""

from pathlib import Path

import pytest

from benchmarks.figures import Figure, Result, of_runs
from benchmarks.page import page
from benchmarks.report import number, spread, table, target


def result(*figures: Figure, load: float = 0.1) -> Result:
    machine = {"cores": 2, "load_before": [load, 0.1, 0.1], "packages": {"bytewax": "1"}, "peers": {"quixstreams": "3"}}
    return Result(machine=machine, quick=False, log="tapes", figures=list(figures))


def test_the_value_of_several_runs_is_their_median() -> None:
    figure = of_runs("store", "rows", [3.0, 100.0, 4.0], "rows/s", at_least=4.0)
    assert (figure.value, figure.met, spread(figure)) == (4.0, True, "3 to 100")


@pytest.mark.parametrize(
    ("at_least", "at_most", "met", "words"),
    [
        (None, None, None, ""),
        (2.0, None, True, "≥ 2: yes"),
        (2.1, None, False, "≥ 2.1: no"),
        (None, 1.9, False, "≤ 1.9: no"),
        (1.0, 3.0, True, "≥ 1, ≤ 3: yes"),
    ],
)
def test_what_was_meant_is_met_or_not(
    at_least: float | None, at_most: float | None, met: bool | None, words: str
) -> None:
    figure = Figure(part="store", name="rows", value=2.0, unit="", at_least=at_least, at_most=at_most)
    assert figure.met is met
    assert target(figure) == words


def test_three_digits_count() -> None:
    assert [number(value) for value in (0.01234, 12.34, 123.4, 1_234_567.0)] == ["0.0123", "12.3", "123", "1,234,567"]


def test_table_and_page_show_every_figure_under_its_part(tmp_path: Path) -> None:
    plots = tmp_path / "plots"
    plots.mkdir()
    (plots / "store.svg").touch()
    missed = of_runs("store", "rows of bars", [1.0, 2.0], "thousand rows/s", at_least=100.0)
    met = Figure(part="state", name="size", value=50.0, unit="KiB", at_most=64.0)
    shown, listed = page(result(missed, met), plots), table(result(missed, met))
    assert "| rows of bars | 1.5 | thousand rows/s | 1 to 2 | ≥ 100: no |" in shown
    assert "| size | 50 | KiB |  | ≤ 64: yes |" in shown
    assert shown.index("## Store") < shown.index("![store](plots/store.svg)") < shown.index("## State")
    assert "![state]" not in shown
    assert "bytewax 1, quixstreams 3" in shown
    assert [line.split()[0] for line in listed.splitlines()[-4:]] == ["store", "rows", "state", "size"]


def test_the_page_says_so_where_the_machine_was_busy(tmp_path: Path) -> None:
    assert "was busy" not in page(result(), tmp_path)
    assert "was busy" in page(result(load=1.5), tmp_path)
