"""Headings of the page: an address for each, and a table of contents made from them."""

import re
from collections.abc import Collection
from dataclasses import dataclass

SECTION = re.compile(r"<h3(?: id=\"(?P<id>[^\"]+)\")?>(?P<title>.*?)</h3>", re.DOTALL)
TAG = re.compile(r"<[^>]+>")


@dataclass(frozen=True)
class Heading:
    """A section of a study: the address that its heading has, and its title (HTML text)."""

    anchor: str
    title: str


def outlined(html: str, anchor: str) -> tuple[str, list[Heading]]:
    """Give every section of a study an address, in front of its heading.

    The address is made from the title, so it stays when sections come and go. Two sections of one
    title get numbers.

    Parameters
    ----------
    html
        A study, whose sections begin with `<h3>`; one that has an id keeps it.
    anchor
        What addresses begin with, such as "study-bones".

    """
    found: list[Heading] = []

    def addressed(match: re.Match[str]) -> str:
        title = match["title"]
        own = match["id"] or _free(f"{anchor}-{slug(title)}", [each.anchor for each in found])
        found.append(Heading(own, TAG.sub("", title)))
        return match[0] if match["id"] else f'<span id="{own}"></span>{match[0]}'

    return SECTION.sub(addressed, html), found


def slug(title: str) -> str:
    """Write a title in lower-case letters, digits and hyphens."""
    words = re.findall(r"[a-z0-9]+", TAG.sub("", title).lower())
    return "-".join(words)


def _free(wanted: str, taken: Collection[str]) -> str:
    names = [wanted, *(f"{wanted}-{n}" for n in range(2, len(taken) + 2))]
    return next(name for name in names if name not in taken)
