"""What whoever started the page has decided; the page reads it in the same process."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from radpipe.app.viewer.process import Helper


@dataclass
class Opened:
    """What the page works with.

    Attributes
    ----------
    folders
        Exported models.
    hosts
        From which files may be fetched; none: the box for an address is not shown.
    helper
        The process that computes.

    """

    folders: Sequence[Path] = ()
    hosts: Sequence[str] = ()
    helper: Helper = field(default_factory=Helper)


# One for all visitors.
CURRENT = Opened()
