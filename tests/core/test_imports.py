"""Which files of the package a script depends on."""

import sys

import pytest

from radpipe.core import imports
from radpipe.core.declared import ARCHITECTURES
from radpipe.core.graph import Graph
from radpipe.core.imports import ROOT, Code, needed, registered, remembering
from radpipe.core.params import load_params
from radpipe.core.receipts import program_of
from radpipe.learning.models.base import MODELS


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Return the folder of a package that stands for radpipe."""
    root = tmp_path / "radpipe"
    for name in ("page/templates/parts", "other"):
        (root / name).mkdir(parents=True)
    for name in ("", "page/", "other/"):
        (root / name / "__init__.py").touch()
    for name in (
        "page/page.py",
        "page/templates/x.j2",
        "page/templates/parts/y.css",
        "page/z.json",
    ):
        (root / name).touch()
    for name in ("page/.z.json.swp", "page/z.json~", "other/o.json", "pyproject.toml"):
        (root / name).touch()
    (tmp_path / "script.py").write_text("from radpipe.page.page import render\n")
    monkeypatch.setattr(imports, "ROOT", root)
    imports.files_of.cache_clear()
    yield root
    imports.files_of.cache_clear()


def test_what_lies_beside_a_needed_module_is_needed(package):
    """Not what lies in other packages, what editors leave, or what a wheel keeps at the top."""
    found = {str(file.relative_to(package)) for file in needed(package.parent / "script.py")}
    assert found == {
        *("__init__.py", "page/__init__.py", "page/page.py"),
        *("page/templates/x.j2", "page/templates/parts/y.css", "page/z.json"),
    }


def test_one_look_at_the_code_gives_one_answer_and_the_next_look_another(package):
    """An edit while a plan is made must not give a receipt half of the old code."""
    script = package.parent / "script.py"
    code = Code()
    before = code.needed(script), code.source_of(script)
    script.write_text("from radpipe import other\n")
    assert (code.needed(script), code.source_of(script)) == before
    assert Code().source_of(script) != before[1]
    assert {file.parent.name for file in needed(script)} == {"radpipe", "other"}


def test_what_remembers_cases_is_known_without_torch():
    assert remembering(ARCHITECTURES) == {"neighbours"}


def test_architectures_are_those_that_the_modules_register_themselves():
    found = registered(ARCHITECTURES)
    assert set(found) == set(MODELS)
    for name, module in found.items():
        MODELS.load(name)
        assert module in sys.modules


def test_every_file_of_the_package_that_is_no_python_is_the_code_of_some_step(project, monkeypatch):
    """Else a step would depend on it, and no receipt would say so."""
    monkeypatch.chdir(project.root)
    counted = {name for run in Graph(load_params()).runs.values() for name in program_of(run)[0]}
    files = [path for path in ROOT.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    others = {f"src/radpipe/{file.relative_to(ROOT)}" for file in files if file.suffix != ".py"}
    assert "src/radpipe/app/report/templates/page.html.j2" in others
    assert others <= counted


def test_templates_belong_to_the_report_alone(project, monkeypatch):
    monkeypatch.chdir(project.root)
    runs = Graph(load_params()).runs.values()
    page = "src/radpipe/app/report/templates/page.html.j2"
    assert {run.step.name for run in runs if page in program_of(run)[0]} == {"report"}
