"""How much was traded, beside what is usual."""

from operators.feature import Close, Feature, one
from operators.indicators.window import Mean

__all__ = ["MEASURES", "VolumeRatio"]

_PERIOD = 20


class VolumeRatio(Mean):
    """A bar's volume over the mean of the last ``period`` volumes, its own among them.

    Examples
    --------
    >>> ratio = VolumeRatio(2)
    >>> [ratio.update(x) for x in (1.0, 3.0, 0.0, 0.0)]
    [None, 1.5, 0.0, None]
    """

    __slots__ = ()
    VERSION = 2

    def __init__(self, period: int = _PERIOD) -> None:
        super().__init__(period, "volume ratio")

    def update(self, volume: float) -> float | None:
        """Take one bar's volume; the ratio, ``None`` until ready or if nothing was traded in any of the bars."""
        self.push(volume)
        return volume / self.mean if self.full and self.mean > 0.0 else None


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
