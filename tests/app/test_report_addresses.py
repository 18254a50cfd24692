"""Files inside the page: whole after the journey, and nothing in them ends an attribute."""

from base64 import b64encode
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from radpipe.app.report.addresses import embed, of_text


@given(st.text())
def test_text_arrives_as_it_was_and_needs_no_escaping(text):
    address = of_text(text, "text/csv")
    assert unquote(address.partition(",")[2], errors="surrogatepass") == text
    assert str(escape(address)) == address
    assert not set("\n\r\t#").intersection(address)


@pytest.mark.parametrize(
    ("drawn", "sent"),
    [
        ('<path d="M 1 2 \nL 3 4"/>', "%3Cpath d=%22M 1 2 L 3 4%22/%3E"),
        ("<text>5\u202f000</text>", "%3Ctext%3E5\u202f000%3C/text%3E"),
        ("<text>50 % & #1</text>", "%3Ctext%3E50 %25 %26 %231%3C/text%3E"),
    ],
)
def test_drawings_are_text_without_line_ends(tmp_path, drawn, sent):
    path = tmp_path / "a.svg"
    path.write_text(drawn)
    assert embed(path) == f"data:image/svg+xml;charset=utf-8,{sent}"


def test_pixels_are_base64(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"PNG")
    assert embed(path) == f"data:image/png;base64,{b64encode(b'PNG').decode()}"
