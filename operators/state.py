"""Recovery state of small objects: their slots as a list, with the class's version in front."""

from collections.abc import Mapping
from operator import attrgetter
from typing import Any, ClassVar

from operators.errors import StateError
from schemas.layouts import Layout, Migration

__all__ = ["Slotted"]


class Slotted:
    """An object whose ``__slots__`` are its whole state: numbers, ``None``, lists or tuples of these, and its like."""

    __slots__: tuple[str, ...] = ()
    VERSION: ClassVar[int] = 1
    """Raised whenever the meaning of a slot changes."""
    MIGRATIONS: ClassVar[Mapping[int, Migration]] = {}
    """By the version that each starts from; of what `state` gives, without the version."""
    slots: ClassVar[tuple[str, ...]] = ()
    """All of them, inherited ones too."""
    _versioned: ClassVar["attrgetter[tuple[Any, ...]]"]

    def __init_subclass__(cls) -> None:
        """Collect the slots of the class and of those it is made from."""
        super().__init_subclass__()
        cls.has(tuple(name for one in reversed(cls.__mro__) for name in vars(one).get("__slots__", ())))

    @classmethod
    def has(cls, slots: tuple[str, ...]) -> None:
        """These are the class's slots."""
        cls.slots, cls._versioned = slots, attrgetter("VERSION", *slots)

    def state(self) -> list[Any]:
        """Plain data for recovery."""
        values = self._versioned(self) if self.slots else [self.VERSION]
        return [value.state() if isinstance(value, Slotted) else value for value in values]

    def restore(self, state: list[Any]) -> None:
        """Take up ``state`` again, to the bit.

        Raises:
            LayoutError: of a version from which no way leads here.
            StateError: of another class.
        """
        kind = type(self).__name__
        values = Layout(kind, self.VERSION, self.MIGRATIONS).bring(state[0], state[1:])
        if len(values) != len(self.slots):
            raise StateError(f"{kind} state has {len(values)} values, not {len(self.slots)}")
        for name, value in zip(self.slots, values, strict=True):
            known = getattr(self, name)
            if isinstance(known, Slotted):
                known.restore(value)
            else:
                setattr(self, name, tuple(value) if isinstance(value, list) and type(known) is not list else value)
