"""Whether the registry of models can be read."""

from pathlib import Path

from flows.doctor.finding import Finding
from models.errors import ModelError

__all__ = ["check_models"]


def check_models(place: Path | str) -> Finding:
    """How many versions with a manifest lie in the registry at ``place``; `candlewick models list` verifies them."""
    from models.registry import Registry

    try:
        known = Registry(place)
        models = known.models()
        versions = len([known.manifest(model, version) for model in models for version in known.versions(model)])
    except ModelError as error:
        return Finding("models", "bad", str(error), "set models.dir to a registry that can be read, or put it right")
    found = f"{versions} versions of {len(models)} models in {place}" if models else f"none yet in {place}"
    return Finding("models", "ok", found)
