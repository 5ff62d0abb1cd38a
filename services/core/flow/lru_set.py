"""What was done lately, as far as a bounded memory goes."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)
REMEMBERED = 20_000


class Recent(Generic[T]):
    """The newest `remembered` items noted; older ones are forgotten."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._noted: OrderedDict[T, None] = OrderedDict()

    def __contains__(self, item: T) -> bool:
        return item in self._noted

    def note(self, item: T) -> None:
        """It is the newest now."""
        self._noted[item] = None
        self._noted.move_to_end(item)
        if len(self._noted) > self._remembered:
            self._noted.popitem(last=False)
