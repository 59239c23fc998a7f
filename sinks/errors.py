"""The root of every error of this package."""

from schemas.errors import AwayError, CandlewickError

__all__ = ["BrokerAwayError", "BrokerError", "ContradictionError", "SinkError", "TooLargeError"]


class SinkError(CandlewickError):
    """Something cannot be written where it belongs; the text says what, where and what would be right."""


class ContradictionError(SinkError):
    """An identifier came again with other content: a defect of its writer that must not pass unseen."""


class TooLargeError(SinkError):
    """A record is larger than its topic takes; nothing of it was written, and whatever follows can be."""


class BrokerError(SinkError):
    """The broker did not do what was asked of it; a new start from the last snapshot may go well."""

    exit_status = 1


class BrokerAwayError(SinkError, AwayError):
    """The broker does not answer."""
