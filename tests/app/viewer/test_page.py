"""The page without a browser: Streamlit runs it, and says what would be shown."""

import warnings
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from radpipe.app.viewer import page as page_module
from radpipe.app.viewer import serve, words
from radpipe.app.viewer.opened import CURRENT
from tests.app.viewer.odd_files import photograph, png
from tests.dicom_files import scene


@pytest.fixture
def page(inside, helper, pictures, monkeypatch):
    """Return the page of the project and an exported model, before it has run."""
    monkeypatch.setattr(CURRENT, "helper", helper)
    monkeypatch.setattr(CURRENT, "folders", (pictures.folder,))
    monkeypatch.setattr(CURRENT, "hosts", ())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield AppTest.from_file(str(serve.PAGE), default_timeout=60)


def bodies(page) -> str:
    return "\n".join(each.proto.body for each in page.get("html"))


def test_a_case_of_the_project_is_shown_whole(page):
    """Diagnosis, patient, three planes with sliders, probability in per cent and a map."""
    page.run()
    page.selectbox(key="study").select("bones").run()
    page.selectbox(key="model of bones").select(1).run()
    assert not page.exception
    assert not page.error
    labels = [each.label for each in page.selectbox]
    assert labels == ["Study", "Model", "Part", "Case (patient)", "Diagnosis", "Map",
                      "Colours of the map"]  # fmt: skip
    sliders = [each.label for each in page.slider]
    assert sliders[:3] == ["Axial: slice", "Coronal: slice", "Sagittal: slice"]
    shown = bodies(page)
    assert shown.count('<img class="rp-picture"') == 3
    assert "with the map of abnormal" in shown
    assert words.RESEARCH in shown
    assert " %</p>" in shown
    page.selectbox(key="label of bones").select(1).run()
    assert "with the map of acl" in bodies(page)
    page.selectbox(key="method").select("none").run()
    assert "with the map" not in bodies(page)
    assert not page.exception


def test_an_exported_model_takes_files_of_ones_own(page):
    page.run()
    assert [each.label for each in page.radio] == ["What is it to look at?"]
    assert page.radio[0].options == ["Files of my own"]
    page.file_uploader[0].upload("film.png", png(scene((64, 48), bits=8)), "image/png").run()
    assert not page.error
    assert bodies(page).count('<img class="rp-picture"') == 2
    page.file_uploader[0].upload("secret-name.png", png(photograph()), "image/png").run()
    assert "it is in colour" in page.error[0].value
    assert "secret" not in page.error[0].value


def test_addresses_are_off_until_hosts_are_listed(page, monkeypatch):
    page.run()
    assert "An address" not in page.radio[0].options
    monkeypatch.setattr(CURRENT, "hosts", ("films.example",))
    page.run()
    page.radio[0].set_value("An address").run()
    page.text_input(key="address").input("http://169.254.169.254/latest").run()
    assert "fetched from films.example only" in page.error[0].value


def test_without_models_the_page_says_so(page, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(CURRENT, "folders", ())
    page.run()
    assert "There is no model" in page.error[0].value


def test_a_model_that_cannot_be_opened_says_why(page, monkeypatch, tmp_path, exported):
    broken = replace(exported, folder=tmp_path)
    monkeypatch.setattr(page_module, "offered", lambda _: ([broken], ["a reason"]))
    monkeypatch.setattr("radpipe.app.viewer.offered.offered", lambda _: ([broken], ["a reason"]))
    page.run()
    assert page.warning[0].value == "Left out: a reason"
    assert "missing" in page.error[0].value


def test_a_table_names_every_answer():
    asked = [{"name": "a<b", "probability": 0.5, "threshold": 0.25, "flag": True}]
    told = page_module.table(asked)
    assert "a&lt;b" in told
    assert "<td>50.0 %</td><td>25.0 %</td><td>yes</td>" in told
