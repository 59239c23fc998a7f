"""The root of this package's errors."""

from schemas.errors import CandlewickError

__all__ = ["ModelError"]


class ModelError(CandlewickError):
    """Data, a setting or a file that learning cannot work with; the text says what is wrong or missing."""
