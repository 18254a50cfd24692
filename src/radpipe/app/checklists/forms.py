"""What is asked: the lists and cards beside this module, as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import yaml

# In the order of the page.
FORMS = ("claim-2024", "stard-ai", "tripod-ai", "model-card", "data-card")
CARDS = ("model-card", "data-card")


@dataclass(frozen=True)
class Item:
    """One thing that is asked.

    Attributes
    ----------
    number
        As the list counts, such as "12a".
    section
        Heading of the list under which it stands.
    asks
        What is asked, in our own words.
    filler
        Name of the function that answers (`facts.FILLERS`); None: only people can.

    """

    number: str
    section: str
    asks: str
    filler: str | None


@dataclass(frozen=True)
class Form:
    """One list or card: its name in files, title, source, address, a remark, and what it asks."""

    name: str
    title: str
    source: str
    link: str
    about: str
    items: tuple[Item, ...]


def read_form(name: str) -> Form:
    """Read one of `FORMS`."""
    text = (files(__package__) / f"{name}.yaml").read_text(encoding="utf-8")
    content: Mapping[str, Any] = yaml.safe_load(text)
    items = tuple(Item(*item) for item in content["items"])
    about = str(content["about"]).strip()
    return Form(name, content["title"], content["source"], content["link"], about, items)
