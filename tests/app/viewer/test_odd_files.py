"""Two hundred odd files: each is answered or gets a sentence, and the process lives on."""

import pytest

from radpipe.app.viewer.cases import by_view
from radpipe.app.viewer.wire import Message
from radpipe.core.errors import DataError
from tests.app.viewer import odd_files


def asked(helper, model, files, method=""):
    """Do what the page does with uploaded files; return the answer's words."""
    try:
        found = by_view(model.what.inputs, files)
    except DataError as error:
        return {"problem": str(error)}
    case = {"side": None, "both": False, "covariates": {}}
    says = model.asked(case, label=0, method=method)
    return helper.ask(Message(says, found)).says


def test_each_is_answered_or_gets_a_sentence(helper, exported, knee):
    """All through one process, which none of them ends."""
    helper.ask(Message(exported.asked()))
    process = helper._process
    told = {}
    for kind, model, files in (
        ("picture", exported, odd_files.pictures()),
        ("exam", knee, odd_files.exams()),
    ):
        for name, handed in files:
            told[kind, name] = handed, asked(helper, model, handed)
            assert helper._process is process, name
    assert len(told) >= 200
    for (kind, name), (handed, says) in told.items():
        problem = says["problem"]
        assert problem or says["questions"], name
        if problem:
            # A sentence, with a way out or what is allowed, and without the file's name.
            assert problem[0].isupper(), (name, problem)
            assert problem.endswith("."), (name, problem)
            assert kind == "exam" or not any(file in problem for file, _ in handed), problem
        if kind == "picture" and name.startswith("whole film"):
            assert not problem, (name, problem)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("photograph.png", "it is in colour"),
        ("photograph.jpg", "it is in colour"),
        ("a.pdf", "is a PDF"),
        ("objects.npy", "pickled Python objects, which are never opened"),
        ("huge.png", "more than 80 million pixels"),
        ("huge.npy", "broken or truncated"),
        ("film.png in a zip", "A zip archive is not opened here. Unpack it"),
        ("film.png cut at 0.0", "A file is empty (0 bytes)"),
        ("two films", "this model takes one picture a case"),
        ("whole volume.npy", "holds 3 slices, expected a picture of one"),
    ],
)
def test_the_sentence_says_what_is_wrong(helper, exported, name, said):
    files = dict(odd_files.pictures())[name]
    assert said in asked(helper, exported, files)["problem"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("mr.dcm", "The file says that it is MR and no radiograph"),
        (
            "screenshot.png",
            "The file has 8 bits, and the model looks at 16: a screenshot is no film.",
        ),
        ("marks.png", "of its pixels are coloured, such as marks"),
    ],
)
def test_what_is_odd_is_remarked(helper, exported, name, said):
    says = asked(helper, exported, dict(odd_files.pictures())[name])
    assert not says["problem"]
    assert any(said in remark for remark in says["remarks"])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("without coronal", "The exam lacks the plane coronal."),
        ("coronal objects", "The file of the view coronal cannot be used: holds pickled"),
        ("axial floating point", "The file of the view axial cannot be used: holds floating point"),
        ("one zip", "A zip archive is not opened here"),
        ("without names", "A file's name tells no view. The model takes one file for each"),
        ("two of a plane", "Two files are named axial."),
    ],
)
def test_an_exam_says_which_plane_is_meant(helper, knee, name, said):
    assert said in asked(helper, knee, dict(odd_files.exams())[name])["problem"]
