"""Published lists of what weights have learned from: fetched, held to their hash, read as names."""

import csv
import gzip
import re
from collections.abc import Iterator
from pathlib import Path

from radpipe.core import borrowed
from radpipe.core.borrowed import Listed, list_file
from radpipe.core.descriptors import Descriptor, ImageList
from radpipe.core.errors import DataError
from radpipe.core.files import sha256_bytes, sha256_file, write_text
from radpipe.learning.starts.images import image_name
from radpipe.learning.starts.obtaining import alone, diagnosis, fetch


def obtain_list(descriptor: Descriptor, what: ImageList) -> Listed:
    """Have the names on a list in the folder that projects share, sorted, one a line.

    Raises
    ------
    DataError
        The list cannot be had, has another hash, lacks the column or names nothing.

    """
    file = _file_of(descriptor, what)
    if what.address and not file.is_file():
        with alone(descriptor):
            fetch([what.address], file, f"SHA-256 {what.sha256}")
    if not file.is_file():
        raise DataError(f"{descriptor.path}: learned_from: there is no list {file}.")
    if (digest := sha256_file(file)) != what.sha256:
        raise DataError(
            f"{file}: has the SHA-256 {digest}, and {descriptor.path} states {what.sha256} for this"
            f" list. {diagnosis(file)} The way out: delete it and get it again, or correct the"
            " hash."
        )
    names = sorted(set(_names(file, what)))
    if not names:
        raise DataError(
            f"{file}: its column {what.column!r} names nothing. The way out: correct `column` or"
            f" `pattern` in {descriptor.path}."
        )
    text = "".join(f"{name}\n" for name in names)
    kept = sha256_bytes(text.encode())
    if not list_file(kept).is_file():
        write_text(list_file(kept), text)
    return Listed(sha256=kept, names=what.names, count=len(names))


def _file_of(descriptor: Descriptor, what: ImageList) -> Path:
    if what.path:
        return Path(what.path)
    # What speaks to servers takes time to load.
    from radpipe.studies.base.download import file_name

    return borrowed.home() / "files" / descriptor.name / file_name(what.address or "")


def _names(file: Path, what: ImageList) -> Iterator[str]:
    data = file.read_bytes()
    if file.suffix == ".gz":
        data = gzip.decompress(data)
    text = data.decode("utf-8-sig")
    tabs = file.name.removesuffix(".gz").endswith((".tsv", ".txt"))
    table = csv.DictReader(text.splitlines(), delimiter="\t" if tabs else ",")
    columns = table.fieldnames or ()
    if what.column not in columns:
        raise DataError(
            f"{file}: has no column {what.column!r}; its columns are: {', '.join(columns)}."
        )
    for row in table:
        name = row[what.column] or ""
        if what.pattern:
            found = re.search(what.pattern, name)
            name = found[1] if found else ""
        if name := name.strip():
            yield image_name(name) if what.names == "images" else name
