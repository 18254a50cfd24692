"""What a file of Python says, however it is written."""

import ast
import re
import textwrap
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radpipe.core import sources
from radpipe.core.errors import RadpipeError
from radpipe.core.sources import source_of
from tests.conftest import ROOT

PLAIN = """
import math
from radpipe.core import files

RATE = 0.1


def scaled(value, *, by=2):
    return [math.sqrt(value) * by, None, "text", {**{"a": 1}}]


class Thing:
    kind: int = 3
"""
SAME = '''
"""A module."""
import math  # for the root

from radpipe.core import files


RATE = (
    0.1
)
"""What follows a value says nothing."""

def scaled(value, *, by=2):
    """Scale."""
    # A remark.
    return [ math.sqrt(value)*by, None, 'text', {**{"a": 1}} ]
class Thing:
    """A thing."""

    kind: int = 3
'''


@pytest.fixture
def read(tmp_path):
    """Return what a text says as a file of its own."""
    numbers = iter(range(1000))

    def source(text: str) -> sources.Source:
        file = tmp_path / f"module{next(numbers)}.py"
        file.write_text(text)
        return source_of(file)

    return source


def test_comments_docstrings_and_layout_say_nothing(read):
    assert read(PLAIN) == read(SAME)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("0.1", "0.10000000001"),
        ("by=2", "by=2.0"),
        ("by=2", "by=True"),
        ("None", "False"),
        ('"text"', 'b"text"'),
        ("* by", "/ by"),
        ("**{", "**{'b': 1, "),
        ("kind: int", "kind: float"),
        ("value, *,", "value,"),
        ("RATE = 0.1", "RATE = 0.1; RATE"),
        ("class Thing:", "@staticmethod\nclass Thing:"),
        ("def scaled", "async def scaled"),
    ],
)
def test_anything_else_says_something_else(read, old, new):
    assert old in PLAIN
    assert read(PLAIN).digest != read(PLAIN.replace(old, new, 1)).digest


@pytest.mark.parametrize("text", ["x = '''a\n#b'''", "def f():\n    return 'doc'", "f('doc')"])
def test_texts_that_are_used_count(read, text):
    assert read(text).digest != read(text.replace("b'''", "c'''").replace("doc", "tod")).digest


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.tuples(inner) | st.just(...),
        max_leaves=6,
    )
)
def test_trees_are_equal_exactly_if_values_are(value):
    """What `ast.dump` tells apart is told apart, and nothing else."""
    one, two = ast.parse(f"x = {value!r}"), ast.parse(f"x = [{value!r}]")
    assert sources._read(one) == sources._read(ast.parse(f"x   =   {value!r}  # same"))
    assert sources._read(one).digest != sources._read(two).digest


def test_every_file_of_the_package_parses_to_another_digest():
    files = [
        file for file in (ROOT / "src/radpipe").rglob("*.py") if file.read_text().count("\n") > 5
    ]
    digests = {source_of(file).digest for file in files}
    assert len(digests) == len(files)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\ndef f(:\n", "module0.py, line 2: Python cannot read this (invalid syntax)"),
        ("x = '\0'\n", "null bytes). The way out: correct it"),
    ],
)
def test_what_is_no_python_is_refused_with_its_line(read, text, said):
    with pytest.raises(RadpipeError, match=re.escape(said)):
        read(text)


def test_what_is_imported_is_listed(read):
    source = read(
        "import radpipe.core.files\nfrom radpipe.imaging import store\nimport PIL.Image\n"
        "import os\ndef f():\n    from numpy.linalg import svd\n"
    )
    assert source.imports == (
        "radpipe.core.files",
        "radpipe.imaging",
        "radpipe.imaging.store",
    )
    assert source.libraries == ("PIL", "numpy")


def test_registered_architectures_are_listed_by_their_names(read):
    source = read(
        "@table_architecture('trees', Settings)\ndef trees(): ...\n"
        "models.architecture('cnn')(build)\narchitecture(name)\nother('x')\n"
    )
    assert sorted(source.architectures) == ["cnn", "trees"]
    assert source.remembering == ()


def test_architectures_that_remember_say_so_where_they_are_registered(read):
    source = read(
        "@head_architecture('alike', Settings, fitted=True, remembers=True)\ndef alike(): ...\n"
        "@head_architecture('lines', Settings, fitted=True)\ndef lines(): ...\n"
    )
    assert source.remembering == ("alike",)
    assert sources._restored(asdict(source)) == source


def test_memory_is_kept_for_the_next_process_and_only_where_there_is_a_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("one.py").write_text(textwrap.dedent("x = 'never seen before'\n"))
    monkeypatch.setattr(sources, "_new", {})
    sources._memory.cache_clear()
    found = source_of(Path("one.py"))
    sources.remember()
    assert not Path(".state").exists()
    Path(".state").mkdir()
    sources.remember()
    sources._memory.cache_clear()
    assert list(sources._memory().values()) == [found]
    # What another version of this file remembered is void, and so is half a file.
    for text in (sources.MEMORY.read_text().replace('"by": "', '"by": "x'), "{"):
        sources.MEMORY.write_text(text)
        sources._memory.cache_clear()
        assert sources._memory() == {}
    sources._memory.cache_clear()


def test_all_that_one_process_parses_is_remembered(tmp_path, monkeypatch):
    """Each question of a plan writes down what it parsed; none forgets what another one did."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sources, "_new", {})
    sources._memory.cache_clear()
    Path(".state").mkdir()
    for name in ("one", "two", "three"):
        Path(f"{name}.py").write_text(f"x = 'never seen before {name}'\n")
        source_of(Path(f"{name}.py"))
        sources.remember()
    sources._memory.cache_clear()
    assert len(sources._memory()) == 3
    sources._memory.cache_clear()


def test_no_code_depends_on_docstrings_or_on_its_own_text():
    """Else an edit of them would change what is done, and no key would say so."""
    words = ("getsource", "getdoc", "co_firstlineno", "linecache", "cleandoc", ".__doc__")
    found = [
        f"{file.name}: {word}"
        for folder in ("src/radpipe", "workflow/scripts")
        for file in (ROOT / folder).rglob("*.py")
        for word in words
        if word in file.read_text() and "app/cli.py" not in str(file)
    ]
    assert [line for line in found if not line.startswith("sources.py")] == []
