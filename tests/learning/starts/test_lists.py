"""Published lists of training images: fetched or lying in the project, read as names."""

import gzip
from pathlib import Path

import pytest

from radpipe.core.borrowed import list_file
from radpipe.core.descriptors import ImageList
from radpipe.core.errors import DataError
from radpipe.core.files import sha256_file
from radpipe.learning.starts.lists import obtain_list

TABLE = "set,image\nA,b/2.png\nB,x/9.png\nA,b/1.png\nA,b/1.png\n"


@pytest.fixture
def listed(describe, tmp_path):
    """Return a function that serves a list and obtains it."""

    def obtain(name="list.csv", text=TABLE, *, here=False, **fields):
        data = gzip.compress(text.encode(), mtime=0) if name.endswith(".gz") else text.encode()
        site = tmp_path / "site" / name
        site.write_bytes(data)
        descriptor = describe("a.pth")
        where = {"address": descriptor.addresses[0].replace("a.pth", name)}
        if here:
            Path("weights", name).write_bytes(data)
            where = {"path": f"weights/{name}"}
        given = {"column": "image", "names": "images", "sha256": sha256_file(site)}
        return obtain_list(descriptor, ImageList.model_validate({**where, **given, **fields}))

    return obtain


@pytest.mark.parametrize("name", ["list.csv", "list.csv.gz"])
@pytest.mark.parametrize("here", [True, False])
def test_names_are_kept_once_and_sorted(listed, name, here):
    found = listed(name, here=here)
    assert (found.names, found.count) == ("images", 3)
    assert list_file(found.sha256).read_text() == "b/1\nb/2\nx/9\n"
    assert sha256_file(list_file(found.sha256)) == found.sha256


def test_tabs_patterns_and_patients(listed):
    text = TABLE.replace(",", "\t")
    found = listed("list.tsv", text, names="patients", pattern=r"^(b)/")
    assert list_file(found.sha256).read_text() == "b\n"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"column": "file"}, "has no column 'file'; its columns are: set, image"),
        ({"pattern": "(q)"}, "its column 'image' names nothing"),
        ({"sha256": "0" * 64}, "states 0{64} for this list.*delete it and get it again"),
    ],
)
def test_another_list_than_described_is_refused(listed, fields, message):
    with pytest.raises(DataError, match=message):
        listed(**fields)


def test_a_list_that_is_not_there_is_named(describe):
    missing = ImageList(path="weights/no.csv", sha256="0" * 64, column="a", names="images")
    with pytest.raises(DataError, match=r"learned_from: there is no list weights/no\.csv"):
        obtain_list(describe("a.pth"), missing)
