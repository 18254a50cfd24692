"""Tables of text are read as they are written, or refused with line and column."""

import csv
import io
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radpipe.core.errors import DataError
from radpipe.core.text_tables import Form, read_text_table, some_lines

SAY = Form(setting="layout.table")


def read(tmp_path, text, form=SAY):
    path = tmp_path / "t.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_text_table(path, "t.csv", form)


def rows(tmp_path, text, form=SAY):
    return list(map(list, read(tmp_path, text, form).rows()))


# --- read right, and said -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("id,age\n1,42\n2,43\n", None),
        ("id,age\r\n1,42\r\n2,43\r\n", None),
        ("id,age\r1,42\r2,43\r", None),
        ("id,age\n1,42\n2,43", None),
        ("\ufeffid,age\n1,42\n2,43\n", None),
        ("\ufeff\ufeffid,age\n1,42\n2,43\n\x1a", None),
        ("\n\nid,age\n\n1,42\n  \n2,43\n\n\n", None),
        ("id,age,\n1,42,\n2,43,\n", None),
        (" id , age \n 1 ,42\t\n\u00a02, 43\n", None),
        ('"id","age"\n1,42\n2,43\n', None),
        ('id,age\n"1","42"\n"2","43"\n', None),
        ('id, age\n"1", "42"\n2,43\n', None),
        ("id;age\n1;42\n2;43\n", "read as parted by semicolons"),
        ("id\tage\n1\t42\n2\t43\n", "read as parted by tabs"),
        ("id|age\n1|42\n2|43\n", "read as parted by |"),
        ("sep=;\nid;age\n1;42\n2;43\n", "line 1: names the separator, ';'"),
        ("\ufeffSEP=,\r\nid,age\r\n1,42\r\n2,43\r\n", "line 1: names the separator, ','"),
        ('"sep=;"\nid;age\n1;42\n2;43\n', "line 1: names the separator, ';'"),
        ("sep=;;;\nid;age\n1;42\n2;43\n", "line 1: names the separator, ';'"),
        ("sep=\t\nid\tage\n1\t42\n2\t43\n", "line 1: names the separator, '\\t'"),
        ("id,age,\n1,42\n2,43\n", "the header ends with a separator"),
        ("id,age\n1,42\n,\n2,43\n,\n", "2 rows of empty cells, left out (lines 3, 5)"),
        (',id,age\n0,1,42\n1,2,43\n', "column 1 has no name"),
        ('id,age\n="1",42\n2,43\n', None),
        ("id,age\n1,42\n2,43\n".encode("utf-16"), "read as utf-16"),
    ],
)  # fmt: skip
def test_what_can_be_read_in_one_way_is(tmp_path, text, note):
    table = read(tmp_path, text)
    assert table.named == ["id", "age"]
    assert list(table.rows()) == [("1", "42"), ("2", "43")]
    if note is None:
        assert table.notes == ()
    else:
        assert any(note in said for said in table.notes)


def test_accents_are_composed(tmp_path):
    assert rows(tmp_path, "id,gro\u0308ße\nu\u0308,1\n") == [["ü", "1"]]
    assert read(tmp_path, "id,gro\u0308ße\nu\u0308,1\n").named == ["id", "größe"]


def test_decimal_commas_between_semicolons(tmp_path):
    assert rows(tmp_path, "id;age, years;y\n1;42,5;0\n2;43;1\n") == [
        ["1", "42,5", "0"],
        ["2", "43", "1"],
    ]


def test_a_cell_of_several_lines_is_said_and_lines_go_on(tmp_path):
    table = read(tmp_path, 'id,note\n1,"a\nb"\n2,c\n')
    assert table.lines == [2, 4]
    assert table.notes == (
        "t.csv: 1 row with a cell of several lines (line 2); if none should have one, a quotation"
        " mark is missing there",
    )


def test_lines_count_from_the_first_of_the_file(tmp_path):
    assert read(tmp_path, "\nsep=;\nid\n1\n\n2\n").lines == [3, 4, 6]
    assert read(tmp_path, "sep=;\nid;y\n1;0\n\n2;1\n").lines == [3, 5]
    assert read(tmp_path, 'sep=;\nid;y\n"1";0\n\n2;1\n').lines == [3, 5]


def test_a_table_without_a_header_line(tmp_path):
    form = Form(columns=("exam", "label"))
    assert rows(tmp_path, "0000,1\n0001,0\n", form) == [["0000", "1"], ["0001", "0"]]
    assert rows(tmp_path, "0000;1\n", form) == [["0000", "1"]]
    with pytest.raises(DataError, match=r"than the format, which has 2: line 2 has 1"):
        rows(tmp_path, "0000,1\n0001\n", form)


def test_quotes_that_are_signs(tmp_path):
    form = Form(separator="|", quotes=False)
    text = 'ID|"SIDE"|NOTE\n1|"1: Right"|a "long" one\n2|2|"x\n'
    table = read(tmp_path, text, form)
    assert table.named == ["ID", "SIDE", "NOTE"]
    assert list(table.rows()) == [("1", "1: Right", 'a "long" one'), ("2", "2", '"x')]


@pytest.mark.parametrize(
    ("blank", "called"),
    [("\t", "a tab"), ("\xa0", "a no-break space"), (" \u2003 ", "of another kind")],
)
@pytest.mark.parametrize("cell", ['"a"', '"a, b"', '"P4711'])
def test_a_quote_behind_a_blank_that_is_no_space_is_refused_with_its_place(
    tmp_path, blank, called, cell
):
    """Else its marks, and the separators between them, would silently be signs of the value."""
    with pytest.raises(DataError, match=rf"t\.csv, line 3, column 2: .* {called}, so") as error:
        read(tmp_path, f'id,note\n1,"x"\n2,{blank}{cell}\n')
    assert PATIENT not in str(error.value)


def test_blanks_within_quotes_and_tabs_that_part_cells_hide_no_quotes(tmp_path):
    assert rows(tmp_path, 'id,note\n1, "x"\n2,"\n""y"""\n') == [["1", "x"], ["2", '"y"']]
    assert rows(tmp_path, 'id\tnote\n1\t"x"\n2\t "y"\n') == [["1", "x"], ["2", "y"]]
    assert rows(tmp_path, 'id,note\n1,"x"\n2,a\t"y"\n') == [["1", "x"], ["2", 'a\t"y"']]


def test_quotes_within_quotes_are_kept(tmp_path):
    assert rows(tmp_path, 'id,note\n1,"""said"""\n') == [["1", '"said"']]


def test_only_a_formula_that_is_one_text_is_taken_for_that_text(tmp_path):
    text = 'id,note\n="007","=""008"""\n="a"&"b",=1+1\n'
    assert rows(tmp_path, text) == [["007", "008"], ['="a"&"b"', "=1+1"]]


def test_a_table_of_a_header_alone_has_no_rows(tmp_path):
    assert (read(tmp_path, "a,b\n").named, read(tmp_path, "a,b\n").lines) == (["a", "b"], [])


# --- refused, with the place and without the cell ---------------------------------------------

PATIENT = "P4711"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no rows, and no header"),
        ("id,y,y\nP4711,0,1\n", r"line 1: 1 name stands .* 'y' is column 2 and 3"),
        ("id,y, y\nP4711,0,1\n", r"'y' is column 2 and 3"),
        ('id,"y",y\nP4711,0,1\n', r"'y' is column 2 and 3"),
        ("id,\u00fc,u\u0308\nP4711,0,1\n", r"'ü' is column 2 and 3"),
        ("\n\nid,y,y\nP4711,0,1\n", r"line 3: 1 name"),
        ("id,age,y\nP4711,1,5,0\nP2,6,1\n", r"1 row has .* has 3: line 2 has 4\. A cell .* qu"),
        ("id,age,y\nP4711,1,5\nP2,6\n", r"1 row has .* has 3: line 3 has 2\. An unknown"),
        ("id,age,y\nP4711,1\nP2,6,1\nP3\n", r"2 rows have .* line 2 has 2, line 4 has 1\."),
        ("id,age\n0,P4711,1\n1,P2,6\n", r"2 rows have .* All rows have one more: the header"),
        ('id,age\n"P4711,1"\n"P2,6"\n', r"line 2 has 1, line 3 has 1\. Those rows are quoted"),
        ('"id,age"\nP4711,1\nP2,6\n', r"has 1: line 2 has 2, .* The header is not parted, perh"),
        ("id,age\nP4711;1\nP2;6\n", r"line 2 has 1, line 3 has 1"),
        ("id,age\nP4711,1,\nP2,6\n", r"line 2 has 3"),
        ("id,age\nP4711,1,\nP2,6,\n", r"All rows end with a separator: .* end the header"),
        ("P4711.png,0\nP2.png,1\n", r"line 1: names a picture where the names of columns should"),
        ('id,y\n"P4711"x,1\n', r"line 2: a cell that begins with a quotation mark"),
        ('id,note,y\nP1,"P4711,0\nP2,x",1\n', r"1 row of several lines \(line 2\), each of which"),
        ("sep=;\nid,y\nP4711,1\n", r"line 1: says sep=;, which does not part the header in line 2"),
        ('id,y\nP1,"P4711\nP2,0\n', r"line 2: a cell that begins with a quotation mark"),
        ("a,b;c\nP4711,x;y\nP2,x;y\n", r"can be parted by commas and semicolons, .*separator"),
        (b"id,y\nP4711\xfc,0\n", r"t\.csv, line 2: cannot be read as utf-8\. Say its encoding in"),
        (b"id,y\nP4711,\x000\n", r"line 2: holds a zero byte"),
        (b"PK\x03\x04P4711", r"is a workbook or another zip archive, .*save its sheet as CSV"),
        (b"\xd0\xcf\x11\xe0P4711", r"is an old Excel workbook"),
        (b"PAR1P4711", r"is a Parquet table"),
        (b"  <!doctype html>P4711", r"is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\nP4711", r"pointer that Git LFS"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_in_one_way_is_refused(tmp_path, text, message):
    with pytest.raises(DataError, match=message) as caught:
        rows(tmp_path, text)
    assert PATIENT not in str(caught.value)
    assert "way out" in str(caught.value) or "params.yaml" in str(caught.value)


def test_a_separator_that_is_said_counts(tmp_path):
    form = Form(separator=";", setting="layout.table")
    assert rows(tmp_path, "a,b;c\n1,x;y\n", form) == [["1,x", "y"]]
    with pytest.raises(DataError, match=r"line 1: says sep=, and|line 1: says sep=\|"):
        rows(tmp_path, "sep=|\na|b\n1|2\n", form)


def test_an_encoding_that_is_said_counts(tmp_path):
    form = Form(encoding="cp1252", setting="layout.table")
    assert rows(tmp_path, "id,y\nü,0\n".encode("cp1252"), form) == [["ü", "0"]]
    assert read(tmp_path, "id,y\nü,0\n", form).notes == (
        "t.csv: read as cp1252, and could be UTF-8 as well",
    )
    with pytest.raises(DataError, match=r"mark of utf-8, and layout\.table\.encoding says cp1252"):
        rows(tmp_path, "\ufeffid,y\nü,0\n", form)
    with pytest.raises(DataError, match=r"knows no encoding 'utf-7b'"):
        rows(tmp_path, "id,y\n", Form(encoding="utf-7b"))
    fallback = Form(fallback="cp1252")
    table = read(tmp_path, b"id,y\n\xfc,0\n", fallback)
    assert (list(table.rows()), len(table.notes)) == ([("ü", "0")], 1)


def test_signs_that_were_lost_are_said(tmp_path):
    assert "line 3: holds signs that were lost" in read(tmp_path, "a,b\n1,2\n\ufffd,3\n").notes[0]


def test_signs_that_are_not_seen_are_said(tmp_path):
    assert "line 2: holds signs that are not seen" in read(tmp_path, "a,b\n1\x0b,2\n").notes[0]


def test_lines_are_named_up_to_a_few():
    assert some_lines({3}) == "line 3"
    assert some_lines(range(9, 0, -1)) == "lines 1, 2, 3, 4, 5, ..."


# --- what holds of every table ----------------------------------------------------------------

CELL = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Mn", "Zl", "Zp")), max_size=6
).filter(lambda text: text == text.strip() and "\ufeff" not in text and not text.startswith("="))
PLAIN = CELL.filter(lambda text: not set(text) & set('",;\t|'))


def written(cells, separator=",", end="\n", quoting=csv.QUOTE_MINIMAL):
    stream = io.StringIO()
    csv.writer(stream, delimiter=separator, lineterminator=end, quoting=quoting).writerows(cells)
    return stream.getvalue()


@given(
    body=st.lists(st.tuples(st.just("x"), CELL, CELL), min_size=1, max_size=6),
    separator=st.sampled_from(",;\t|"),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    mark=st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_what_was_written_is_read(tmp_path_factory, body, separator, end, quoting, mark):
    """Whatever stands in cells, RFC 4180 with any separator and line end comes back."""
    import unicodedata

    head = [("id", "one", "two")]
    text = ("\ufeff" if mark else "") + written(head + body, separator, end, quoting)
    found = rows(tmp_path_factory.mktemp("t"), text)
    assert found == [[unicodedata.normalize("NFC", cell) for cell in row] for row in body]


@given(
    body=st.lists(st.tuples(st.just("x"), PLAIN, PLAIN), min_size=2, max_size=6),
    which=st.integers(0, 5),
    cells=st.sampled_from([-2, -1, 1, 2]),
)
@settings(max_examples=200, deadline=None)
def test_a_row_of_another_length_is_never_read(tmp_path_factory, body, which, cells):
    which %= len(body)
    odd = [*body[which], "y", "y"][: 3 + cells]
    lines = [("id", "one", "two"), *body[:which], odd, *body[which + 1 :]]
    with pytest.raises(DataError, match=rf"line {which + 2} has {3 + cells}"):
        rows(tmp_path_factory.mktemp("t"), "".join(",".join(line) + "\n" for line in lines))


@given(st.binary(max_size=80))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_read_or_refused(tmp_path_factory, data):
    """Nothing but a `DataError` comes of a file, and what is read is as wide as its header."""
    try:
        table = read(tmp_path_factory.mktemp("t"), data)
    except DataError:
        return
    assert all(len(row) == len(table.named) for row in table.rows())
    assert len(set(table.named)) == len(table.named)


@given(st.lists(st.sampled_from(['"', ",", ";", "\n", "a", " ", "1", "=", "sep="]), max_size=24))
@settings(max_examples=500, deadline=None)
def test_any_signs_of_tables_are_read_or_refused(tmp_path_factory, signs):
    try:
        table = read(tmp_path_factory.mktemp("t"), "".join(signs))
    except DataError:
        return
    assert all(len(row) == len(table.named) for row in table.rows())
    assert len(table.lines) == len(list(table.rows()))


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_long_table_takes_a_moment(tmp_path, quote):
    """As many rows as MIMIC-CXR has studies; 2 s are allowed, on a busy machine 8."""
    row = ",".join(f"{quote}{cell}{quote}" for cell in ("p10/s5.png", "42", "F", "AP", "0", "1"))
    text = "path,age,sex,view,a,b\n" + f"{row}\n" * 223_000
    path = tmp_path / "t.csv"
    path.write_text(text)
    began = time.process_time()
    table = read_text_table(path, "t.csv")
    assert sum(1 for _ in table.rows()) == 223_000
    assert time.process_time() - began < 8
