"""The root of this package's errors."""

from schemas.errors import AwayError, CandlewickError

__all__ = ["ModelAway", "OperatorError", "Refused", "StateError"]


class OperatorError(CandlewickError):
    """A parameter that an operator cannot work with; the text names it and its value."""


class Refused(OperatorError):
    """A record that was read but cannot be believed; it goes to the dead letters with this reason."""


class ModelAway(OperatorError, AwayError):
    """A version that counts at this close is not in the registry now: nothing can be decided without it."""


class StateError(OperatorError):
    """A recovery state of another version, or not of this operator."""
