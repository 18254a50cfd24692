"""A folder as one file whose bytes depend on nothing but its content."""

import shutil
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from radpipe.core.errors import ConfigError
from radpipe.core.files import atomic, files_below

SUFFIX = ".zip"
# The first moment that the format knows: when files were made is nobody's business.
EPOCH = (1980, 1, 1, 0, 0, 0)


def check_archive(path: Path) -> None:
    """Refuse a name that an archive cannot have.

    Raises
    ------
    ConfigError
        It does not end in `.zip`, or something has it.

    """
    if path.suffix != SUFFIX:
        raise ConfigError(f"{path}: an archive ends in {SUFFIX}; say {path.name}{SUFFIX}.")
    if path.exists():
        raise ConfigError(f"{path}: exists already; name a new file.")


def pack(folder: Path, path: Path) -> None:
    """Put the files below a folder into an archive, uncompressed, below the archive's own name."""
    with atomic(path) as temporary, ZipFile(temporary, "w", ZIP_STORED) as archive:
        for file in sorted(files_below(folder)):
            name = f"{path.stem}/{file.relative_to(folder).as_posix()}"
            about = ZipInfo(name, EPOCH)
            about.create_system, about.external_attr = 3, 0o100644 << 16
            with file.open("rb") as source, archive.open(about, "w", force_zip64=True) as target:
                shutil.copyfileobj(source, target)
