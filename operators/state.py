"""Recovery state of small objects: their slots as a list, with the class's version in front."""

from typing import Any, ClassVar

from operators.errors import StateError

__all__ = ["Slotted"]


class Slotted:
    """An object whose ``__slots__`` are its whole state; all of them hold numbers, ``None`` or tuples of these."""

    __slots__: tuple[str, ...] = ()
    VERSION: ClassVar[int] = 1
    """Raised whenever the meaning of a slot changes."""

    def state(self) -> list[Any]:
        """Plain data for recovery."""
        return [self.VERSION, *[getattr(self, name) for name in self.__slots__]]

    def restore(self, state: list[Any]) -> None:
        """Take up ``state`` again, to the bit.

        Raises:
            StateError: of another version or class.
        """
        if len(state) != len(self.__slots__) + 1 or state[0] != self.VERSION:
            raise StateError(f"{type(self).__name__} state is of another version than {self.VERSION}")
        for name, value in zip(self.__slots__, state[1:], strict=True):
            setattr(self, name, tuple(value) if isinstance(value, list) else value)
