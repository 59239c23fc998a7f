"""The root of this package's errors."""

from schemas.errors import CandlewickError

__all__ = ["OperatorError", "StateError"]


class OperatorError(CandlewickError):
    """A parameter that an operator cannot work with; the text names it and its value."""


class StateError(OperatorError):
    """A recovery state of another version, or not of this operator."""
