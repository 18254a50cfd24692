"""Both container files: rules of good images, and their commands without a builder."""

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.conftest import ROOT

DOCKER, APPTAINER = ROOT / "containers/Dockerfile", ROOT / "containers/radpipe.def"
ALLOWED = ("ARG", "FROM", "ENV", "WORKDIR", "COPY", "RUN", "USER", "EXPOSE", "ENTRYPOINT", "CMD")


def instructions():
    """Return the instructions of the Dockerfile, continued lines joined."""
    lines = [line for line in DOCKER.read_text().splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


def sections():
    """Return the sections of the definition: name to lines."""
    found, name = {}, ""
    for line in APPTAINER.read_text().splitlines():
        if line.startswith("%"):
            name = line[1:]
        elif name and line.strip():
            found.setdefault(name, []).append(line.strip())
    return found


def commands():
    """Return every command that a builder would run, by where it stands."""
    for number, (name, text) in enumerate(instructions()):
        if name == "RUN":
            yield f"Dockerfile {number}", text
    for name in ("post", "environment", "runscript", "test"):
        yield name, "\n".join(sections()[name])


def needed():
    """Return what a wheel is built from."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    hook = project["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["custom"]
    files = {"pyproject.toml", "hatch_build.py", "src", "README.md", "LICENSE"}
    return {*hook["project-files"], *files, "requirements.lock"}


def test_the_dockerfile_keeps_the_rules_of_good_images():
    said = instructions()
    names = [name for name, _ in said]
    assert set(names) <= set(ALLOWED)
    assert names[:2] == ["ARG", "FROM"]
    base = dict(part.split("=") for name, part in said if name == "ARG")["BASE"]
    assert re.fullmatch(r"docker\.io/library/python:3\.11-slim-\w+", base)
    (user,) = [text for name, text in said if name == "USER"]
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user)
    assert names.index("USER") > max(k for k, name in enumerate(names) if name == "RUN")
    for name, text in said:
        if name in ("ENTRYPOINT", "CMD"):
            assert text.startswith("[")
        if name == "RUN":
            assert not re.search(r"\b(sudo|curl|wget|chmod 777)\b|apt-get", text)
        if name in ("ENV", "ARG"):
            assert not re.search(r"(?i)password|token|secret", text)


@pytest.mark.parametrize("text", [text for _, text in commands()])
def test_everything_is_installed_by_hash_and_by_nothing_else(text):
    for line in re.split(r"&&|\n", text):
        if "pip install" in line and "requirements.lock" in line:
            assert {"--require-hashes", "--no-deps"} <= set(shlex.split(line))
        elif "pip install" in line:
            assert {"--no-deps", "--no-build-isolation", "."} <= set(shlex.split(line))


@pytest.mark.parametrize("text", [text for _, text in commands()])
def test_commands_are_shell(text):
    subprocess.run(["sh", "-n"], input=text, text=True, check=True)


def test_whatever_is_copied_is_there_and_whatever_is_built_from_is_copied():
    copied = {line.split()[0] for line in sections()["files"]}
    assert copied == needed()
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    kept = {line[1:] for line in ignore if line.startswith("!")}
    assert kept == needed()
    assert "*" in ignore
    for name in needed():
        assert (ROOT / name).exists(), name


def test_the_commands_run_in_a_clean_folder(tmp_path):
    """As the builder would run them, with an empty lock, and the packages that are here."""
    for name in ("requirements.lock", "hatch_build.py"):
        (tmp_path / name).write_text("")
    place = tmp_path / "venv"
    text = "\n".join(sections()["post"]).replace("/opt/radpipe", str(tmp_path))
    text = text.replace("/opt/venv", str(place))
    text = text.replace("python -m venv", f"{sys.executable} -m venv --without-pip", 1)
    text = re.sub(
        r"-m pip install .*", "-c 'import sys; assert sys.prefix != sys.base_prefix'", text
    )
    subprocess.run(["sh", "-c", text], check=True, cwd=tmp_path)
    assert (place / "bin/python").exists()


def test_the_entry_is_a_command_of_the_environment(tmp_path):
    (text,) = [text for name, text in instructions() if name == "ENTRYPOINT"]
    (entry,) = re.findall(r'"(\w+)"', text)
    program = Path(sys.executable).with_name(entry)
    assert sections()["runscript"] == [f'exec {entry} "$@"']
    if not program.exists():
        pytest.skip("radpipe is not installed beside this Python")
    done = subprocess.run(
        [program, "--help"], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert "predict" in done.stdout
