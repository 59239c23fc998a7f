"""What the changelog of models comes to: who serves, and who is in the shadow, since when."""

from collections.abc import Iterable
from itertools import groupby
from typing import Final

from msgspec import Struct, field

from schemas.results import ModelEvent

__all__ = ["Shadow", "Standing", "standing"]

_OF_SHADOWS: Final = {"shadowed", "no longer shadowed"}


class Shadow(Struct, frozen=True):
    """A challenger that is asked on the stream."""

    version: str
    since: int
    """ns."""
    first: int
    """When it first became one, ns: where it was withdrawn in between, its comparison goes on and does not begin anew.
    """


class Standing(Struct):
    """By model."""

    serving: dict[str, str] = field(default_factory=dict)
    chosen: dict[str, int] = field(default_factory=dict)
    """When who serves was activated, ns: what was known by then is what it was chosen by."""
    shadows: dict[str, Shadow] = field(default_factory=dict)
    met: set[tuple[str, str]] = field(default_factory=set)
    """Models with versions that have served or been in the shadow."""


def standing(events: Iterable[ModelEvent]) -> Standing:
    """After ``events``, oldest first; of those of one close each follows what it names as before it, as nothing else
    in the store says which came first.
    """
    found, first = Standing(), dict[tuple[str, str], int]()
    for _, together in groupby(events, lambda event: event.ts_event):
        waiting = list(together)
        while waiting:
            at = next((at for at, event in enumerate(waiting) if _follows(found, event)), 0)
            _apply(found, first, waiting.pop(at))
    return found


def _follows(found: Standing, event: ModelEvent) -> bool:
    before = event.details.get("before", "")
    if event.event in _OF_SHADOWS:
        shadow = found.shadows.get(event.model)
        return bool((shadow.version if shadow else "") == before)
    return bool(found.serving.get(event.model, "") == before)


def _apply(found: Standing, first: dict[tuple[str, str], int], event: ModelEvent) -> None:
    model, version = event.model, event.version
    if event.event == "activated":
        found.serving[model], found.chosen[model] = version, event.ts_event
        if model in found.shadows and found.shadows[model].version == version:
            del found.shadows[model]
    elif event.event == "shadowed":
        begun = first.setdefault((model, version), event.ts_event)
        found.shadows[model] = Shadow(version, event.ts_event, begun)
    elif event.event == "deactivated":
        found.serving.pop(model, None)
        found.chosen.pop(model, None)
    elif event.event == "no longer shadowed":
        found.shadows.pop(model, None)
    if event.event in {"activated", "shadowed"}:
        found.met.add((model, version))
