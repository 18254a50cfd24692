"""A folder for somebody else, which is there whole or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from radpipe.core.errors import ConfigError


def require_new(folder: Path) -> None:
    """Refuse a folder to write into that holds something, or is none.

    Raises
    ------
    ConfigError
        It does.

    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{folder}: holds something already; name a folder that is new or empty.")


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Give a folder to fill, which gets its name only if nothing fails meanwhile."""
    folder = folder.absolute()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as beside:
        filled = Path(beside, folder.name)
        filled.mkdir()
        yield filled
        filled.rename(folder)  # in place of an empty one
