"""What in params.yaml cannot work, found before anything runs."""

import json
import subprocess
from pathlib import Path

import pytest

from radpipe.app import check, cli
from radpipe.app.check import mistakes
from radpipe.core.errors import ConfigError
from radpipe.core.params import load_params
from radpipe.engines import remotes
from radpipe.learning.networks.network import save_weights
from tests.conftest import Project


@pytest.fixture
def found(project: Project, monkeypatch):
    """Return a function that sets values and returns what is then wrong."""
    monkeypatch.chdir(project.root)

    def after(**changes):
        for dotted, value in changes.items():
            project.set(dotted.replace("__", "."), value)
        return list(mistakes(load_params()))

    return after


def test_a_sound_project(found):
    assert found() == []


@pytest.mark.parametrize(
    ("template", "what"),
    [
        ("{class}/{patien}-{_}", "{patien} would be a covariate, did you mean {patient}?"),
        ("{class}/{Patient}-{_}", "{Patient} would be a covariate, did you mean {patient}?"),
        ("{class}/{patient}{side}", "Nothing parts {patient} from {side}"),
    ],
)
def test_templates_that_cannot_be_meant(found, template, what):
    (line,) = found(studies__bones__layout={"path": template})
    assert line.startswith("params.yaml: studies.bones: layout.path:")
    assert what in line


def test_covariates_of_any_other_name_are_meant(found):
    assert found(studies__bones__layout={"path": "{age}/{class}/{patient}-{view}"}) == []


def test_a_template_without_a_class(found):
    (line,) = found(studies__bones__layout={"path": "{clas}/{patient}"})
    assert line == "params.yaml: layout.path: '{clas}/{patient}' has no {class}"


def test_a_template_of_names_in_a_table(found):
    table = {"file": "t.csv", "image": "id", "target": "a", "name": "{patient}{view}"}
    (line,) = found(studies__bones__layout={"table": table})
    assert "layout.table.name" in line


def test_weights_that_are_not_there(found):
    (line,) = found(**{"variants__bones-v1__weights": "weights/imagenet.safetensors"})
    assert "variants.bones-v1.weights: there is no file weights/imagenet.safetensors" in line
    assert "The way out: weights/random.json for none" in line


def test_a_further_start_that_may_not_be_used_is_told_where_it_stands(found, project):
    path = project.root / "weights/vgg19.json"
    content = json.loads(path.read_text())
    content["licence"] |= {"spdx": "CC-BY-NC-4.0", "restricted": True, "forbids": ["commercial"]}
    path.write_text(json.dumps(content))
    (line,) = found(
        plan__use="commercial",
        plan__starts=["resnet18", "vgg19"],
        **{
            "variants__bones-v1__weights": "weights/resnet18.json",
            "variants__bones-v1__further_weights": ["weights/vgg19.json"],
        },
    )
    assert line.startswith("params.yaml: variants.bones-v1.further_weights: weights/vgg19.json: ")


def test_run_tells_of_weights_that_may_not_be_used_before_anything_runs(found, monkeypatch):
    terms = {"spdx": "CC-BY-NC-4.0", "forbids": ["commercial"]}
    about = {"borrowed": [{"start": "encoder", "terms": terms}]}
    save_weights(Path("weights/theirs.safetensors"), {}, about)
    weights = {"variants__bones-v1__weights": "weights/theirs.safetensors"}
    (line,) = found(plan__use="commercial", **weights)
    calls = []
    monkeypatch.setattr(cli, "run", lambda *_, **__: calls.append(1))
    with pytest.raises(
        ConfigError, match=r"whose licence CC-BY-NC-4\.0 forbids commercial use"
    ) as said:
        cli.run_all(load_params())
    assert str(said.value) == line
    assert calls == []


def test_an_extra_that_is_not_installed(found, monkeypatch):
    network = {"variants__bones-v1__model": {"name": "timm", "network": "legacy_xception"}}
    assert found(**network) == []
    monkeypatch.setattr(check, "versions_of", lambda names: dict.fromkeys(names, "not installed"))
    (line,) = found()
    assert line.startswith("params.yaml: variants.bones-v1.model.name: 'timm' needs the package")
    assert "pip install 'radpipe[timm]'" in line


def test_a_table_of_answers_that_is_not_there(found):
    block = {"study": "bones", "form": "decisions", "by": {"kind": "reader", "name": "reader-1"}}
    (line,) = found(plan__imported={"one": {**block, "predictions": "imported/one.csv"}})
    assert "plan.imported.one.predictions: there is no file imported/one.csv" in line


def test_a_source_that_is_not_there(found):
    (line,) = found(studies__bones__source={"kind": "path", "path": "/no/such/folder"})
    assert "studies.bones.source.path: '/no/such/folder': there is no such folder" in line


def test_an_npz_that_is_not_there(found):
    source = {"kind": "arrays", "path": "/no/such.npz", "sha256": "0" * 64}
    (line,) = found(studies__bones__source=source)
    assert "studies.bones.source.path: '/no/such.npz': there is no such file" in line


def test_every_wrong_preset_is_named(found):
    changes = {"variants__bones-v1__preset": "bones/v9", "variants__bones-floor__preset": "bone/a"}
    assert len(found(**changes)) == 2


def test_remotes_that_dvc_does_not_know(found, monkeypatch):
    def answer(*command):
        done = subprocess.CompletedProcess(command, 0)
        done.stdout = "secure\t/mnt/secure\n"
        return done

    monkeypatch.setattr(remotes, "run_command", answer)
    assert found(studies__bones__remote="secure") == []
    (line,) = found(studies__bones__remote="secur")
    assert "DVC knows no remote 'secur', did you mean 'secure'?" in line
    assert "The way out: dvc remote add secur" in line


def test_a_start_that_others_learned_is_checked_before_anything_runs(found, monkeypatch):
    sound = {"variants__bones-v1__weights": "weights/resnet18.json", "plan__starts": ["resnet18"]}
    assert found(**sound) == []
    (line,) = found(
        **{"variants__bones-v1__weights": "weights/resnet8.json", "plan__starts": ["resnet8"]}
    )
    assert "variants.bones-v1.weights: weights/resnet8.json: there is no such file, did you" in line


def test_to_normalise_as_the_start_asks_for_one_that_says_how(found):
    (line,) = found(**{"variants__bones-v1__train": {"normalize": "start"}})
    assert line.startswith("variants.bones-v1.train.normalize: start asks how")
