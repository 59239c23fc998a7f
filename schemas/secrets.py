"""What of a client's settings may be said aloud."""

import re
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["discreet", "is_secret"]

_SECRET: Final = re.compile(r"password|secret|key|token|pem|jaas|oauthbearer", re.IGNORECASE)


def is_secret(name: str) -> bool:
    """Whether the value of the setting ``name`` is to be kept for oneself."""
    return _SECRET.search(name) is not None


def discreet(text: str, settings: Mapping[str, Any]) -> str:
    """``text`` as one line, without the value of any setting whose name smells of a secret."""
    names = [name for name in settings if is_secret(name)]
    for value in sorted((str(settings[name]) for name in names), key=len, reverse=True):
        if value:
            text = re.sub(rf"(?<![\w.]){re.escape(value)}(?![\w.])", "***", text)
    return " ".join(text.split())
