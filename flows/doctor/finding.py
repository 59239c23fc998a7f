"""What a check says."""

from typing import Literal

from msgspec import Struct

__all__ = ["Finding", "State", "not_checked"]

State = Literal["ok", "warn", "bad"]


class Finding(Struct, frozen=True):
    """One line of the doctor's table."""

    check: str
    state: State
    found: str
    advice: str = ""
    """What to do; empty where there is nothing to do."""


def not_checked(check: str, missing: str) -> Finding:
    """The finding of a check that needs something which is not there."""
    return Finding(check, "bad", f"not checked, because {missing}", "see above")
