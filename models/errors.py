"""The root of this package's errors."""

from schemas.errors import CandlewickError

__all__ = ["ModelError", "ModelRefused", "ModelUnfit", "RegistryAway", "RegistryError", "VersionAway"]


class ModelError(CandlewickError):
    """Data, a setting or a file that learning cannot work with; the text says what is wrong or missing."""


class ModelRefused(ModelError):
    """A model that must not serve; the text is the reason, told to people and written into ``models.events``."""


class ModelUnfit(ModelRefused):
    """One that may be as good as it was, and is for another program, or for other settings, than these."""


class VersionAway(ModelRefused):
    """Its bytes are not there, or not all of them: that says nothing of what they are, and they may come later."""


class RegistryError(ModelError):
    """The registry cannot be used; the text names the place, which is not everybody's business."""


class RegistryAway(RegistryError, ModelRefused):
    """The registry does not say what a model is."""
