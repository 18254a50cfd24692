"""The files of a project that is not a clone of the source: copied from the installed package."""

import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import radpipe
from radpipe.core.errors import ConfigError, RadpipeError
from radpipe.engines.commands import run_command

PACKAGE = Path(radpipe.__file__).parent
# Where a wheel keeps them (hatch_build.py); a checkout has them at its top.
SHIPPED = PACKAGE / "project"
CHECKOUT = PACKAGE.parents[1]
CODE = "      - src/radpipe\n"
IGNORED = shutil.ignore_patterns("__pycache__", ".snakemake_timestamp")
ENVIRONMENT = """\
# For conda users: conda env create -f environment.yml && conda activate radpipe
name: radpipe
channels:
  - conda-forge
dependencies:
  - python={python}
  - pip
  - pip:
      - radpipe=={version}
"""


def project_files() -> dict[str, Path]:
    """Return the files and folders of a project by name, with the place they are copied from.

    Raises
    ------
    RadpipeError
        The installed package lacks them.

    """
    if SHIPPED.is_dir():
        return {path.name: path for path in sorted(SHIPPED.iterdir())}
    try:
        build = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
        hook = build["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["custom"]
    except (OSError, KeyError) as error:
        raise RadpipeError(
            f"{PACKAGE}: this radpipe was installed without the files of a project. Install it"
            " again from its wheel."
        ) from error
    return {name: CHECKOUT / name for name in hook["project-files"]}


def refuse_project(folder: Path) -> None:
    """Refuse a folder in which something would be overwritten.

    Raises
    ------
    ConfigError
        Naming what is there.

    """
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file; give a folder for the project.")
    names = {*project_files(), "params.yaml", "environment.yml"} - {".gitignore"}
    there = sorted(name for name in names if (folder / name).exists())
    if there:
        raise ConfigError(
            f"{folder}: holds {', '.join(there)}, and nothing is overwritten. Give a new folder."
        )


def copy_project(folder: Path) -> None:
    """Copy the files of a project into a folder; `.gitignore` is added to one that is there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, source in project_files().items():
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=IGNORED, dirs_exist_ok=True)
        elif name == ".gitignore" and (folder / name).exists():
            with (folder / name).open("a", encoding="utf-8") as stream:
                stream.write("\n" + source.read_text(encoding="utf-8"))
        else:
            shutil.copyfile(source, folder / name)
    # DVC names the package's code where the project holds it; beside an installed package its
    # hashes stand in the files of the stage `plan` alone.
    stages = folder / "dvc.yaml"
    stages.write_text(stages.read_text(encoding="utf-8").replace(CODE, ""), encoding="utf-8")
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    text = ENVIRONMENT.format(python=python, version=version("radpipe"))
    (folder / "environment.yml").write_text(text, encoding="utf-8")


def set_up(folder: Path) -> Iterator[str]:
    """Make a Git repository and a DVC project of a folder; yield what was done, a line each."""
    inside = _git(folder, "rev-parse", "--show-toplevel")
    if inside is None:
        yield from _dvc(folder, "--no-scm", said="dvc init, without Git, which is not installed")
    elif inside.returncode == 0:
        top = Path(inside.stdout.strip())
        below = folder.resolve() != top.resolve()
        flags = ["--subdir"] if below else []
        yield from _dvc(folder, *flags, said=f"dvc init, in the Git repository {top}")
    else:
        made = _git(folder, "init", "--quiet", "--initial-branch=main")
        if made is None or made.returncode:
            yield from _dvc(folder, "--no-scm", said="dvc init, without Git (git init failed)")
            return
        yield from _dvc(folder, said="git init, dvc init; commit when you like")


def _dvc(folder: Path, *flags: str, said: str) -> Iterator[str]:
    command = (sys.executable, "-m", "dvc", "init", "--quiet", *flags)
    done = run_command(*command, folder=folder)
    if done.returncode:
        reason = done.stdout.strip()
        yield f"dvc init failed, and without it `radpipe record` has no place: {reason}"
        return
    run_command(sys.executable, "-m", "dvc", "config", "core.analytics", "false", folder=folder)
    yield said


def _git(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str] | None":
    if shutil.which("git") is None:
        return None
    return run_command("git", *arguments, folder=folder)
