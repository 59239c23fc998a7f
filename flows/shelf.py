"""The registry as the API reads it."""

from statistics import fmean
from typing import Final

from msgspec import Struct

from models.registry import Registry
from schemas.cards import Importance, ModelCard

__all__ = ["RegistryShelf"]

_MOST: Final = 20
"""Inputs on a card; the others weigh next to nothing."""


class RegistryShelf(Struct, frozen=True):
    """See `api.shelf.Shelf`."""

    registry: Registry

    def card(self, model: str, version: str) -> ModelCard:
        """What a version says of itself.

        Raises:
            ModelRefused: there is no such version, or its manifest was changed.
        """
        manifest = self.registry.manifest(model, version)
        weights = [
            Importance(feature=name, mean=fmean(shares), low=min(shares), high=max(shares))
            for name, shares in manifest.importance.items() if any(shares)
        ]  # fmt: skip
        return ModelCard(
            model=model, version=version, kind=manifest.kind, train_start=manifest.train_start,
            train_end=manifest.train_end, outcomes=manifest.outcomes, figures=manifest.figures, curve=manifest.curve,
            importance=sorted(weights, key=lambda one: (-one.mean, one.feature))[:_MOST],
        )  # fmt: skip
