"""How much was traded, beside what is usual."""

from operators.feature import Close, Feature, one
from operators.indicators.window import Mean
from operators.state import Slotted

__all__ = ["MEASURES", "VolumeRatio"]

_PERIOD = 20


class VolumeRatio(Slotted):
    """A bar's volume over the mean of the last ``period`` volumes, its own among them.

    Examples
    --------
    >>> ratio = VolumeRatio(2)
    >>> [ratio.update(x) for x in (1.0, 3.0, 0.0, 0.0)]
    [None, 1.5, 0.0, None]
    """

    __slots__ = ("_volumes",)
    VERSION = 3
    MIGRATIONS = {2: lambda state: [[1, *state]]}  # noqa: RUF012, a constant

    def __init__(self, period: int = _PERIOD) -> None:
        self._volumes = Mean(period, "volume ratio")

    def update(self, volume: float) -> float | None:
        """Take one bar's volume; the ratio, ``None`` until ready or if nothing was traded in any of the bars."""
        volumes = self._volumes
        volumes.push(volume)
        mean = volumes.mean
        return volume / mean if volumes.full and mean else None


def _step(ratio: VolumeRatio, close: Close) -> float | None:
    return ratio.update(close.bar.volume)


MEASURES = (
    one(
        VolumeRatio, _step,
        Feature(
            name=f"volume_ratio_{_PERIOD}", unit="ratio", low=0.0, high=float(_PERIOD),
            summary=f"Volume over the mean volume of {_PERIOD} bars", formula=f"volume / SMA_{_PERIOD}(volume)",
            source="its definition", null=f"nothing traded in {_PERIOD} bars", ready=_PERIOD, memory=_PERIOD,
            warm_up=_PERIOD,
        ),
    ),
)  # fmt: skip
