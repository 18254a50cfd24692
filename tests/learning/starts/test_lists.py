"""Published lists of training images: fetched or lying in the project, read as names."""

import gzip
from pathlib import Path

import pytest

from radpipe.core.borrowed import list_file
from radpipe.core.descriptors import ImageList
from radpipe.core.errors import DataError
from radpipe.core.files import sha256_file
from radpipe.learning.starts import lists
from radpipe.learning.starts.lists import obtain_list

TABLE = "set,image\nA,b/2.png\nB,x/9.png\nA,b/1.png\nA,b/1.png\n"


@pytest.fixture
def listed(describe, tmp_path):
    """Return a function that serves a list and obtains it."""

    def obtain(name="list.csv", text=TABLE, *, here=False, **fields):
        data = text if isinstance(text, bytes) else text.encode()
        data = gzip.compress(data, mtime=0) if name.endswith(".gz") else data
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
        ({"sha256": "0" * 64}, "states 0{64} for this list.*\\n?.*The way out: get the file"),
        ({"sha256": "0" * 64, "here": True}, "states 0{64} for this list.*get it again"),
    ],
)
def test_another_list_than_described_is_refused(listed, fields, message):
    with pytest.raises(DataError, match=message):
        listed(**fields)


def names(found):
    return list_file(found.sha256).read_text().splitlines()


def test_a_list_without_a_header_has_its_names_first(listed):
    assert names(listed("list.txt", "b/2.png\na/1.png\n", column=None)) == ["a/1", "b/2"]
    assert names(listed("list", "b/2.png\t0\na/1.png\t1\n", column=None)) == ["a/1", "b/2"]


@pytest.mark.parametrize(
    ("address", "data"),
    [
        ("content", TABLE.replace(",", "\t").encode()),
        ("list.txt", TABLE.encode()),
        ("content", gzip.compress(TABLE.encode(), mtime=0)),
        ("list.tsv", TABLE.encode("utf-16")),
        ("list.csv", TABLE.replace("\n", "\r\n").encode("utf-8-sig")),
    ],
)
def test_content_says_how_a_list_is_written(listed, address, data):
    assert names(listed(address, data)) == ["b/1", "b/2", "x/9"]


def test_letters_of_one_byte_are_read(listed):
    assert names(listed("list.csv", "image\nM\xfcller.png\n".encode("latin-1"))) == ["m\xfcller"]


def test_an_optional_group_may_match_nothing(listed):
    found = listed(pattern=r"^(b/)?", names="patients")
    assert names(found) == ["b/"]


def test_damaged_tables_are_refused(listed):
    for data in (gzip.compress(TABLE.encode())[:-9], b'image\n"' + b"a" * 200_000):
        with pytest.raises(DataError, match="cannot be read as a table"):
            listed("content", data)


def test_lists_of_the_same_name_lie_apart(listed):
    assert names(listed("train.csv", "image\na.png\n")) == ["a"]
    assert names(listed("train.csv", "image\nb.png\n")) == ["b"]


def test_a_list_that_is_here_is_read_where_nothing_can_be_written(listed, monkeypatch):
    found = listed()
    monkeypatch.setattr(lists, "alone", None)
    monkeypatch.setattr(lists, "write_text", None)
    assert listed() == found


def test_a_list_that_is_not_there_is_named(describe):
    missing = ImageList(path="weights/no.csv", sha256="0" * 64, column="a", names="images")
    with pytest.raises(DataError, match=r"learned_from: there is no list weights/no\.csv"):
        obtain_list(describe("a.pth"), missing)
