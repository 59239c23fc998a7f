"""The root of every error of this package."""

from schemas.errors import CandlewickError

__all__ = ["ContradictionError", "SinkError"]


class SinkError(CandlewickError):
    """Something cannot be written where it belongs; the text says what, where and what would be right."""


class ContradictionError(SinkError):
    """An identifier came again with other content: a defect of its writer that must not pass unseen."""
