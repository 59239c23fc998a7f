"""Order-flow imbalance of a bar: that of its parts, added up."""

from typing import NamedTuple

from operators.feature import Close, Feature
from operators.flow.part import summary

__all__ = ["MEASURES", "FlowPart"]


class FlowPart(NamedTuple):
    """Net pressure on the best quotes, in the instrument's size unit."""

    total: float

    def plus(self, later: "FlowPart") -> "FlowPart":
        """Both together."""
        return FlowPart(self.total + later.total)


def _read(part: FlowPart, _: Close) -> tuple[float]:
    return (part.total,)


MEASURES = (
    summary(
        "ofi", _read,
        Feature(
            name="ofi", unit="size", inputs=("quotes",), summary="Order-flow imbalance of the bar",
            formula="sum over quotes of (bid size added minus taken) - (ask size added minus taken)",
            source="Cont, Kukanov, Stoikov 2014", null="at no time of the bar quotes were known", memory=1,
        ),
    ),
)  # fmt: skip
