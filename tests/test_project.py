"""What belongs to the project as a whole: lock, environments, schema, documents."""

import json
import re
import shutil
import subprocess
import tomllib

import yaml

from radpipe.app.cli import schema
from tests.conftest import ROOT


def test_conda_users_get_the_versions_of_the_lock():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    pip = next(item for item in environment["dependencies"] if isinstance(item, dict))
    assert pip["pip"] == ["-r requirements.lock"]
    python = next(item for item in environment["dependencies"] if "python=" in item)
    assert python == "python=3.11"
    assert 'requires-python = ">=3.11"' in (ROOT / "pyproject.toml").read_text()


def test_the_lock_has_a_hash_for_everything_and_names_no_host():
    lock = (ROOT / "requirements.lock").read_text()
    pins = re.findall(r"^[a-z0-9][^\s=]*==\S+", lock, re.MULTILINE)
    assert len(pins) > 100
    assert len(re.findall(r"== ?\S+.*\\\n    --hash=sha256:", lock)) == len(pins)
    assert "://" not in lock
    assert "--index" not in lock
    assert "--find-links" not in lock


def test_every_dependency_is_locked():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    named = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    lock = (ROOT / "requirements.lock").read_text()
    for requirement in named:
        name = re.split(r"[<>=\[]", requirement)[0]
        assert re.search(rf"^{name}(\[.*\])?==", lock, re.MULTILINE), name


def test_the_schema_for_editors_is_that_of_the_code():
    """`radpipe schema` writes it."""
    assert json.loads((ROOT / "params.schema.json").read_text()) == schema()


def test_make_help_lists_every_target():
    text = subprocess.run(
        ["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for target in ("run", "test", "lint", "bench", "record", "sync", "install"):
        assert re.search(rf"^{target} ", text, re.MULTILINE), target


def test_documents_lead_nowhere_that_is_not_there():
    """Every relative link of README and docs/ has a file at its end."""
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\(([^)#]+)", page.read_text()):
            if "://" not in link:
                assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_git_ignores_what_dvc_keeps(tmp_path):
    """Else a commit from before has untracked files, whose `.gitignore` DVC wrote later."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"].values()
    outs = [out for stage in stages for out in stage.get("do", stage).get("outs", [])]
    kept = [re.sub(r"\$\{[^}]*\}", "x", out) for out in outs if isinstance(out, str)]
    assert "results/runs/x/fold-x-seed-x/weights.safetensors" in kept
    # A pattern with a slash at its end matches folders, of which none is there.
    asked = [f"{name}/file" if not re.search(r"\.\w+$", name) else name for name in kept]
    shutil.copy(ROOT / ".gitignore", tmp_path)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    command = ["git", "check-ignore", *asked]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert sorted(set(asked) - set(done.stdout.split())) == []
