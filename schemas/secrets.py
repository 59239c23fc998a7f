"""What of a client's settings may be said aloud."""

import re
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["discreet"]

_SECRET: Final = re.compile(r"password|secret|key|token|pem|jaas|oauthbearer", re.IGNORECASE)


def discreet(text: str, settings: Mapping[str, Any]) -> str:
    """``text`` as one line, without the value of any setting whose name smells of a secret."""
    names = [name for name in settings if _SECRET.search(name)]
    for value in sorted((str(settings[name]) for name in names), key=len, reverse=True):
        if value:
            text = re.sub(rf"(?<![\w.]){re.escape(value)}(?![\w.])", "***", text)
    return " ".join(text.split())
