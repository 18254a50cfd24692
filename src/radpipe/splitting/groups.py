"""Sets of things that belong together, from pairs that do (union-find)."""

from collections.abc import Iterable
from typing import Any, Generic, Protocol, TypeVar


class Ordered(Protocol):
    """What can be sorted."""

    def __lt__(self, other: Any, /) -> bool: ...


T = TypeVar("T", bound=Ordered)


class Groups(Generic[T]):
    """Disjoint sets; each is named by its smallest member, whatever the order of joining."""

    def __init__(self, pairs: Iterable[tuple[T, T]] = ()) -> None:
        self._parent: dict[T, T] = {}
        for a, b in pairs:
            self.join(a, b)

    def join(self, a: T, b: T) -> None:
        """Put the sets of `a` and `b` together."""
        low, high = sorted((self.name(a), self.name(b)))
        self._parent[high] = low

    def name(self, member: T) -> T:
        """Return the smallest member of the set of `member`."""
        root = member
        while (parent := self._parent.get(root, root)) != root:
            root = parent
        while (parent := self._parent.get(member, root)) != root:
            self._parent[member] = root
            member = parent
        return root

    def sets(self) -> list[list[T]]:
        """List the sets that were joined, each sorted, in order of their names."""
        members = sorted({*self._parent, *self._parent.values()})
        found: dict[T, list[T]] = {}
        for member in members:
            found.setdefault(self.name(member), []).append(member)
        return [found[name] for name in sorted(found)]
