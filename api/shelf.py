"""What the API asks of whoever keeps the models; it is handed in, as the API itself knows no registry."""

from typing import Protocol

from schemas.cards import ModelCard

__all__ = ["Shelf"]


class Shelf(Protocol):
    """Versions of models, to be read."""

    def card(self, model: str, version: str, /) -> ModelCard:
        """What a version says of itself.

        Raises:
            CandlewickError: there is no such version, or it was changed.
        """
        ...
