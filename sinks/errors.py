"""The root of every error of this package."""

from schemas.errors import CandlewickError

__all__ = ["SinkError"]


class SinkError(CandlewickError):
    """Something cannot be written where it belongs; the text says what, where and what would be right."""
