"""`radpipe propose` as a process, its block pasted into params.yaml and checked."""

import subprocess
import sys

import pytest
import yaml

from radpipe.core.files import write_json
from tests.conftest import Project
from tests.small_study import THREE, TWO, plan_variant, write_study

FINGERPRINT = {
    "recommended_size": 48,
    "aspect": {"0.05": 0.7, "0.95": 1.1},
    "modes": {"L": 48},
    "input_sizes": [
        {"size": side, "upscaled": float(side > 48), "median_scale": side / 50}
        for side in (32, 48, 64, 96)
    ],
}


def radpipe(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "radpipe.app", *arguments]
    return subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=False)


def fill(project: Project, target, **given) -> None:
    """Write store, split and params.yaml of a study, and a fingerprint."""
    write_study(project.root, target, **given)
    plan_variant(project.root, target, preset="bones/compact")
    write_json(project.root / "data/bones/store/fingerprint.json", FINGERPRINT)


def paste(project: Project, block: str) -> None:
    """Do by hand what the block's first lines say."""
    image = block[block.index("    image:\n") : block.index("variants:\n")]
    variant = block[block.index("variants:\n") + len("variants:\n") :]
    path = project.root / "params.yaml"
    lines = path.read_text().splitlines(keepends=True)
    first = lines.index("    image:\n")
    last = next(k for k in range(first + 1, len(lines)) if not lines[k].startswith("      "))
    text = "".join([*lines[:first], image, *lines[last:]])
    text = text.replace("\nvariants:\n", f"\nvariants:\n{variant}")
    text = text.replace("  variants:\n  - bones-x", "  variants:\n  - bones-proposed\n  - bones-x")
    path.write_text(text)


@pytest.mark.parametrize("target", [THREE, TWO], ids=["classes", "finding"])
def test_the_block_can_be_pasted_and_passes_the_check(project, target):
    fill(project, target)
    before = (project.root / "params.yaml").read_text()
    done = radpipe(project, "propose", "bones")
    assert done.returncode == 0, done.stderr
    assert (project.root / "params.yaml").read_text() == before
    found = yaml.safe_load(done.stdout)
    assert set(found) == {"studies", "variants"}
    paste(project, done.stdout)
    checked = radpipe(project, "check")
    assert checked.returncode == 0, checked.stderr
    assert "settings are sound: studies=1 runs=2" in checked.stderr
    after = yaml.safe_load((project.root / "params.yaml").read_text())
    assert after["studies"]["bones"]["image"] == found["studies"]["bones"]["image"]
    assert after["variants"]["bones-proposed"] == found["variants"]["bones-proposed"]
    # A second proposal has a name of its own.
    assert "  bones-proposed-2:\n" in radpipe(project, "propose", "bones").stdout


def test_every_value_has_its_reason(project):
    fill(project, THREE)
    lines = radpipe(project, "propose", "bones").stdout.splitlines()
    for name in ("side", "resize", "channels", "preset", "batch_size", "epochs", "class_weights"):
        (place,) = [k for k, line in enumerate(lines) if line.strip().startswith(f"{name}:")]
        assert lines[place - 1].strip().startswith("# ")
        assert lines[place - 1].endswith(".")


def test_what_the_study_says_besides_stays(project):
    fill(project, THREE)
    text = (project.root / "params.yaml").read_text()
    (project.root / "params.yaml").write_text(text.replace("bits: 8", "bits: 16"))
    found = yaml.safe_load(radpipe(project, "propose", "bones").stdout)
    assert found["studies"]["bones"]["image"]["bits"] == 16


def test_colour_that_is_shown_stays(project):
    fill(project, THREE, channels=3)
    text = (project.root / "params.yaml").read_text()
    (project.root / "params.yaml").write_text(text.replace("channels: grey", "channels: colour"))
    found = yaml.safe_load(radpipe(project, "propose", "bones").stdout)
    # Noise differs from channel to channel.
    assert found["studies"]["bones"]["image"]["channels"] == "colour"


@pytest.mark.parametrize(
    ("study", "message"),
    [
        ("bone", "study: unknown 'bone', did you mean 'bones'?"),
        ("bones", "data/bones/store: missing, so there is nothing to propose from. The way out:"),
    ],
)
def test_without_a_store_it_says_the_way_out(project, study, message):
    done = radpipe(project, "propose", study)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stdout == ""
