"""The root of every error of this package."""

from schemas.errors import CandlewickError

__all__ = ["SourceError"]


class SourceError(CandlewickError):
    """An input cannot be read; the text says what, where and what would be right."""
