"""Which cases of a study stand on a published list of what weights have learned from."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

# A bare name as short as "0001" is that of many files; shorter ones count with their folder only.
SHORTEST = 8


def image_name(path: str) -> str:
    """Return a path as lists and studies are compared by: "/", small letters, without ending."""
    parts = [
        part for part in path.replace("\\", "/").casefold().split("/") if part not in ("", ".")
    ]
    if not parts:
        return ""
    stem = parts[-1].removesuffix(".gz")
    head, dot, ending = stem.rpartition(".")
    parts[-1] = head if dot and head and len(ending) <= 4 and not ending.isdigit() else stem
    return "/".join(parts)


def names_in(file: Path) -> Iterator[str]:
    """Yield the names of a list, one a line."""
    with file.open(encoding="utf-8") as stream:
        for line in stream:
            yield line.rstrip("\n")


def listed_images(images: Mapping[str, Collection[str]], listed: Iterable[str]) -> set[str]:
    """Return the cases of which an image stands on a list.

    A list and a study seldom begin their paths at the same folder. So an image is the same if one
    path ends in the other, by whole parts; a part alone counts if it has `SHORTEST` signs.

    Parameters
    ----------
    images
        Path of each image of the study to the cases that it shows.
    listed
        Names on the list, each as `image_name` gives it.

    """
    by_last: dict[str, list[tuple[list[str], Collection[str]]]] = {}
    for path, cases in images.items():
        parts = image_name(path).split("/")
        by_last.setdefault(parts[-1], []).append((parts, cases))
    found: set[str] = set()
    for name in listed:
        parts = name.split("/")
        for theirs, cases in by_last.get(parts[-1], ()):
            shared = min(len(parts), len(theirs))
            telling = shared > 1 or len(parts[-1]) >= SHORTEST
            if telling and parts[-shared:] == theirs[-shared:]:
                found.update(cases)
    return found
