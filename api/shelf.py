"""What the API asks of whoever keeps the models; it is handed in, as the API itself knows no registry."""

from typing import Literal, Protocol

from schemas.cards import ModelCard

__all__ = ["ReportFormat", "Shelf"]

ReportFormat = Literal["html", "json"]


class Shelf(Protocol):
    """Versions of models, to be read."""

    def card(self, model: str, version: str, /) -> ModelCard:
        """What a version says of itself.

        Raises:
            CandlewickError: there is no such version, or it was changed.
        """
        ...

    def drift_report(self, model: str, version: str, since: int, until: int, form: ReportFormat, /) -> bytes:
        """Candidates with ``since <= close < until`` (ns) against those of the version's training. It takes seconds.

        Raises:
            AwayError: worth another try: no database, or another report is being made.
            CandlewickError: it cannot be made.
        """
        ...
