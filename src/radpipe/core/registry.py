"""Named things that a setting may ask for: metrics, architectures, explanations."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from radpipe.core.errors import unknown_name

T = TypeVar("T")


class Registry(Generic[T]):
    """Names to things; a name can be given once, and an unknown one shows its near miss.

    Iterating yields the names in sorted order, so that tests can be parametrised with
    `list(registry)`.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, T] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """Return a decorator that files what it decorates under `name`."""

        def file(entry: T) -> T:
            if name in self._entries:
                raise KeyError(f"{self.kind} {name!r} is registered twice")
            self._entries[name] = entry
            return entry

        return file

    def __getitem__(self, name: str) -> T:
        if name not in self._entries:
            raise unknown_name(self.kind, name, self._entries)
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    @property
    def in_order(self) -> tuple[str, ...]:
        """The names in the order in which they were filed."""
        return tuple(self._entries)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._entries))

    def __len__(self) -> int:
        return len(self._entries)
