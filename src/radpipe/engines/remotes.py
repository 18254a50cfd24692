"""The remotes that DVC knows, and those that studies name."""

import json
import sys
from collections.abc import Iterator

from radpipe.core.errors import near_miss
from radpipe.core.findings import Finding
from radpipe.core.params import Params
from radpipe.engines.commands import run_command

# In a process of its own, because DVC takes a second to import and installs handlers of its own.
_TRY_REMOTE = """
import json, os, sys, uuid
from dvc.repo import Repo
repo = Repo()
print("remotes: " + json.dumps(sorted(repo.config["remote"])))
if not repo.config["core"].get("remote"):
    print("none"); sys.exit()
try:
    remote = repo.cloud.get_remote()
    path = remote.fs.join(remote.path, "radpipe-doctor-" + uuid.uuid4().hex)
    remote.fs.makedirs(remote.path, exist_ok=True)
    remote.fs.pipe_file(path, b"")
    remote.fs.remove(path)
except Exception as error:
    print(type(error).__name__ + ": " + str(error).replace(chr(10), " ")); sys.exit(1)
print(remote.name)
"""
_LISTED = "remotes: "


def examine_remotes(params: Params) -> Iterator[Finding]:
    """Try whether the default remote can be written, and look for those that studies name."""
    done = run_command(sys.executable, "-c", _TRY_REMOTE)
    lines = done.stdout.strip().splitlines()
    said = lines[-1] if lines else ""
    if said == "none":
        yield Finding(
            "warning",
            "no default remote: data and models stay on this machine",
            "dvc remote add --default store ADDRESS (docs/how-to/remotes.md)",
        )
    elif done.returncode:
        yield Finding("problem", f"the remote cannot be written: {said}", "docs/how-to/remotes.md")
    else:
        yield Finding("ok", f"remote {said} can be written")
    for line in lines:
        if line.startswith(_LISTED):
            yield from _of_studies(params, json.loads(line.removeprefix(_LISTED)))


def unknown_remotes(params: Params) -> Iterator[Finding]:
    """Look for remotes that studies name and DVC does not know; DVC is asked if any is named."""
    if not any(study.remote for study in params.studies.values()):
        return
    done = run_command(sys.executable, "-m", "dvc", "remote", "list")
    known = (
        [] if done.returncode else [line.split()[0] for line in done.stdout.splitlines() if line]
    )
    yield from _of_studies(params, known)


def _of_studies(params: Params, known: list[str]) -> Iterator[Finding]:
    """Tell of studies whose data are to go to a remote that DVC does not know."""
    for name, study in params.studies.items():
        if study.remote is None or study.remote in known:
            continue
        # Blocks elsewhere repeat it, which is checked when settings are read.
        places = [f"studies.{name}.remote"]
        places += [f"localize.{name}.remote"] if name in params.localize else []
        places += [f"features.{n}.remote" for n, f in params.features.items() if f.study == name]
        places += [f"explain.{n}.remote" for n, e in params.explain.items() if e.study == name]
        hint = near_miss(study.remote, known)
        yield Finding(
            "problem",
            f"{' and '.join(places)}: DVC knows no remote {study.remote!r}{hint} It knows:"
            f" {', '.join(known) or 'none'}",
            f"dvc remote add {study.remote} ADDRESS (docs/how-to/remotes.md), or name one of these",
        )
