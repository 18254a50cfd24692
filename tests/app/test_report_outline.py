"""Addresses of sections, and the contents made from them."""

from radpipe.app.report.outline import Heading, outlined, slug


def test_every_section_gets_an_address_made_from_its_title():
    html, found = outlined("<h2>bones</h2>\n<h3>Which differences are real</h3>\n", "study-bones")
    anchor = "study-bones-which-differences-are-real"
    assert found == [Heading(anchor, "Which differences are real")]
    expected = f'<span id="{anchor}"></span><h3>Which differences are real</h3>'
    assert html == f"<h2>bones</h2>\n{expected}\n"


def test_an_address_of_its_own_is_kept_and_equal_titles_are_told_apart():
    html, found = outlined('<h3 id="mine">A</h3><h3>B</h3><h3>B</h3><h3>B</h3>', "s")
    assert [one.anchor for one in found] == ["mine", "s-b", "s-b-2", "s-b-3"]
    assert html.startswith('<h3 id="mine">A</h3>')


def test_a_title_with_markup_is_told_without():
    _, found = outlined("<h3>AUC &gt; <b>0.9</b></h3>", "s")
    assert found == [Heading("s-auc-gt-0-9", "AUC &gt; 0.9")]
    assert slug("Label by label") == "label-by-label"
