"""How many are long and how many short, as venues count their customers."""

from typing import Final

from operators.feature import Close, Feature, one
from operators.indicators.zscore import ZScore, z_feature
from operators.state import Slotted
from schemas.time import HOUR

__all__ = ["MEASURES", "LongShort"]

_RATIOS: Final = {
    "long_short_ratio": "Accounts that are long over accounts that are short",
    "top_accounts_ratio": "Top traders' accounts that are long over those that are short",
    "top_positions_ratio": "Top traders' long positions over their short ones",
    "taker_volume_ratio": "What takers bought over what they sold, in the venue's own period",
}
"""In the order of `operators.feature.Ratios`."""


class LongShort(Slotted):
    """The ratios in force, how unusual each is, and how old they are."""

    __slots__ = ("_accounts", "_taker", "_top_accounts", "_top_positions")

    def __init__(self) -> None:
        self._accounts, self._top_accounts = ZScore(), ZScore()
        self._top_positions, self._taker = ZScore(), ZScore()

    def update(self, close: Close) -> tuple[float | None, ...]:
        """Take a close; the features in the catalogue's order."""
        accounts, top_accounts, top_positions, taker, since = close.moment.ratios or _UNTOLD
        return (
            accounts, self._accounts.update(close, accounts),
            top_accounts, self._top_accounts.update(close, top_accounts),
            top_positions, self._top_positions.update(close, top_positions),
            taker, self._taker.update(close, taker),
            None if since is None else max(close.ts_close - since, 0) / HOUR,
        )  # fmt: skip


_UNTOLD: Final = (None, None, None, None, None)
_NULL: Final = "the venue has told none since somebody listens"


def _entries(name: str, summary: str) -> tuple[Feature, Feature]:
    return (
        Feature(
            name=name, unit="ratio", low=0.0, inputs=("derivatives",), summary=summary, null=_NULL,
            formula="as the venue tells it", source="the venue",
        ),
        z_feature(f"{name}_z", name, inputs=("derivatives",)),
    )  # fmt: skip


MEASURES = (
    one(
        LongShort, LongShort.update,
        *(feature for name, summary in _RATIOS.items() for feature in _entries(name, summary)),
        Feature(
            name="long_short_age", unit="hours", low=0.0, inputs=("derivatives",), null=_NULL, source="its definition",
            summary="Age of these ratios, of the oldest one in force", formula="(close - time told) / 1 h",
        ),
    ),
)  # fmt: skip
