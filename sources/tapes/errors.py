"""What keeps a tape from being read at all."""

from sources.errors import SourceError

__all__ = ["TapeError"]


class TapeError(SourceError):
    """A tape cannot be opened: the text names the file, or the venue, and what would be right."""
