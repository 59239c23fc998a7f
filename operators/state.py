"""Recovery state of small objects: their slots as a list, with the class's version in front."""

from typing import Any, ClassVar

from operators.errors import StateError

__all__ = ["Slotted"]


class Slotted:
    """An object whose ``__slots__`` are its whole state: numbers, ``None``, lists or tuples of these, and its like."""

    __slots__: tuple[str, ...] = ()
    VERSION: ClassVar[int] = 1
    """Raised whenever the meaning of a slot changes."""
    _names: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        """Collect the slots of the class and of those it is made from."""
        super().__init_subclass__()
        cls._names = tuple(name for one in reversed(cls.__mro__) for name in vars(one).get("__slots__", ()))

    def state(self) -> list[Any]:
        """Plain data for recovery."""
        values = (getattr(self, name) for name in self._names)
        return [self.VERSION, *(value.state() if isinstance(value, Slotted) else value for value in values)]

    def restore(self, state: list[Any]) -> None:
        """Take up ``state`` again, to the bit.

        Raises:
            StateError: of another version or class.
        """
        if len(state) != len(self._names) + 1 or state[0] != self.VERSION:
            raise StateError(f"{type(self).__name__} state is of another version than {self.VERSION}")
        for name, value in zip(self._names, state[1:], strict=True):
            known = getattr(self, name)
            if isinstance(known, Slotted):
                known.restore(value)
            else:
                setattr(self, name, tuple(value) if isinstance(value, list) and type(known) is not list else value)
