"""`radpipe doctor`: what will go wrong, before it does, and what to do about it."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import yaml

from radpipe.core.errors import RadpipeError
from radpipe.core.files import read_json
from radpipe.core.findings import Finding
from radpipe.core.git import is_known
from radpipe.core.graph import Graph
from radpipe.core.links import broken, link_above, refuse_links
from radpipe.core.locks import try_lock
from radpipe.core.params import Params
from radpipe.core.places import is_writable, require_writable
from radpipe.core.plurals import counted
from radpipe.engines.commands import lines_of, run_command
from radpipe.engines.halfway import half_written
from radpipe.engines.remotes import examine_remotes

SLURM = Path("slurm/config.yaml")
STATE = Path(".state")
# How findings begin that say only that there is no cluster.
NO_SLURM = ("SLURM lacks", "no controller of SLURM answers")
# Room that training states, weights, tables and figures of a small plan take, GiB.
AMPLE = 5.0
# Clocks that differ by more than this confuse whoever reads times, seconds.
SKEW = 2.0
# How long SLURM must remember ended jobs, seconds: three rounds of the executor's questions.
MIN_JOB_AGE = 120


Check = Callable[[Params], Iterator[Finding]]
CHECKS: dict[str, Check] = {}


def check(name: str) -> Callable[[Check], Check]:
    """Register a check under the word that stands before its findings."""

    def register(function: Check) -> Check:
        CHECKS[name] = function
        return function

    return register


def examine(params: Params, *, slurm: bool = False) -> Iterator[tuple[str, Finding]]:
    """Yield the findings of every check, each as soon as it is there.

    `slurm` says that this machine is to reach a cluster; else a SLURM that is not there, or does
    not answer, is no problem.
    """
    for name, function in CHECKS.items():
        for finding in _findings(function, params):
            optional = name == "slurm" and not slurm and finding.what.startswith(NO_SLURM)
            yield name, replace(finding, level="note") if optional else finding


def _findings(function: Check, params: Params) -> Iterator[Finding]:
    """Yield what a check finds; a file that it may not touch is a finding, too."""
    try:
        yield from function(params)
    except OSError as error:
        yield Finding("problem", f"this could not be looked at: {error}", "see the first problem")


@check("folder")
def folder(params: Params) -> Iterator[Finding]:
    """Check that the project can be written, and that no link is in the way of Git and DVC."""
    try:
        require_writable()
        refuse_links(Graph(params).makers)
    except RadpipeError as error:
        what, _, way_out = str(error).partition(" The way out: ")
        yield Finding("problem", what, way_out.rstrip("."))
        return
    yield Finding("ok", "the project can be written")
    yield from _links(params)


def _links(params: Params) -> Iterator[Finding]:
    """Look at `data` as a link to another disk, and at links into DVC's cache."""
    outputs = Graph(params).makers
    for link in sorted({link for name in outputs if (link := link_above(Path(name)))}):
        if is_known([link]):
            yield Finding(
                "problem",
                f"Git keeps the link {link}, so another commit may take it away",
                f"git rm --cached {link} && git commit; .gitignore: /{link}, without a slash after",
            )
        else:
            yield Finding("ok", f"{link} is a link to {link.readlink()}, and Git ignores it")
    yield from _lost_links(outputs)


def _lost_links(outputs: Iterable[str]) -> Iterator[Finding]:
    """Look for links into DVC's cache that lead to nothing."""
    if lost := [link for name in outputs for link in broken(Path(name))]:
        yield Finding(
            "problem",
            f"{counted(len(lost), 'link')} to nothing, such as {lost[0]}: DVC's cache has"
            " lost the files (dvc gc?)",
            "make sync where a remote has them; else radpipe run makes them again",
        )


@check("settings")
def settings(params: Params) -> Iterator[Finding]:
    """Check that settings and presets can be read, and that sources that are paths exist."""
    try:
        params.recipes.check()
    except RadpipeError as error:
        yield Finding("problem", str(error), "correct params.yaml; radpipe check lists all")
    else:
        plan = params.plan
        n_runs = len(plan.variants) * len(plan.folds) * len(plan.seeds)
        yield Finding(
            "ok",
            f"{counted(len(params.studies), 'study', 'studies')}, {counted(n_runs, 'run')} planned",
        )
    yield from _sources(params)


def _sources(params: Params) -> Iterator[Finding]:
    """Look for sources that are paths to nothing."""
    for name, study in params.studies.items():
        folder = getattr(study.source, "path", None)
        if folder and not Path(os.path.expandvars(folder)).expanduser().is_dir():
            where = f"studies.{name}.source.path"
            yield Finding(
                "problem", f"{where}: no folder {folder}", "correct it, or connect the disk"
            )


@check("codecs")
def codecs(_: Params) -> Iterator[Finding]:
    """Check that what radiographs are kept in can be decoded: by Pillow, and in DICOM."""
    from PIL import features

    from radpipe.imaging.dicom.codecs import preflight

    known = {
        "jpg": "JPEG",
        "zlib": "PNG",
        "jpg_2000": "JPEG 2000",
        "libtiff": "TIFF",
        "webp": "WebP",
    }
    missing = [name for codec, name in known.items() if not features.check(codec)]
    if missing:
        yield Finding("problem", f"Pillow cannot decode {', '.join(missing)}", "make install")
    else:
        yield Finding("ok", f"Pillow decodes {', '.join(known.values())}")
    absent = preflight()
    for package, syntaxes in absent.items():
        text = f"DICOM in {', '.join(syntaxes)} cannot be decoded"
        yield Finding("problem", text, f"pip install {package}")
    if not absent:
        yield Finding("ok", "every transfer syntax of DICOM that is read has its codec")


@check("gpu")
def gpu(_: Params) -> Iterator[Finding]:
    """Check that torch sees the GPUs of this host."""
    n_listed = len(lines_of("nvidia-smi", "--list-gpus"))
    code = "import torch; print(torch.cuda.device_count(), torch.version.cuda)"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False
    )
    if done.returncode:
        yield Finding("problem", f"torch does not start: {_last(done.stderr)}", "make install")
        return
    n_seen, cuda = done.stdout.split()
    if n_listed and n_seen == "0":
        yield Finding(
            "problem",
            f"{n_listed} GPUs, and torch (CUDA {cuda}) sees none of them",
            f"install a driver for CUDA {cuda} or newer, or a torch that suits the driver",
        )
    elif n_seen == "0":
        yield Finding("note", "no GPU on this host: what trains here, trains on processors")
    else:
        yield Finding("ok", f"{n_seen} GPUs, CUDA {cuda}")


@check("slurm")
def slurm(_: Params) -> Iterator[Finding]:
    """Check that SLURM answers, and that slurm/config.yaml suits it."""
    missing = [name for name in ("sbatch", "squeue", "scontrol") if shutil.which(name) is None]
    if missing:
        what = f"{NO_SLURM[0]} {', '.join(missing)} here: --profile slurm needs a login node"
        yield Finding("problem", what, "log in to one; without SLURM: radpipe run")
        return
    if not SLURM.exists():
        yield Finding("problem", f"{SLURM} is missing", f"git checkout {SLURM}")
        return
    if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        yield Finding("problem", "the SLURM executor of Snakemake is missing", "make install")
    config = yaml.safe_load(SLURM.read_text(encoding="utf-8"))
    ping = run_command("scontrol", "ping")
    if ping.returncode:
        what = f"{NO_SLURM[1]}: {_last(ping.stdout)}"
        yield Finding("problem", what, "ask the admins of the cluster")
        return
    yield from _accounting(config)
    yield from _partitions(config)


@check("dvc")
def dvc(params: Params) -> Iterator[Finding]:
    """Check DVC's own files, and that remotes, the studies' too, are there and can be written."""
    yield from half_written()
    yield from examine_remotes(params)


@check("disk")
def disk(params: Params) -> Iterator[Finding]:
    """Check that there is room for the stores and for what runs write."""
    # Stores are the most of it, and may lie on another disk.
    free = shutil.disk_usage("data" if Path("data").exists() else ".").free / 2**30
    needed = AMPLE + sum(_store_gib(name, params) for name in params.studies)
    text = f"{free:.1f} GiB free, about {needed:.1f} GiB needed"
    if free < needed:
        yield Finding("problem", text, "make room, or lower studies.<name>.image.side")
    else:
        yield Finding("ok", text)


@check("locks")
def locks(_: Params) -> Iterator[Finding]:
    """Check that locks hold here; if not, two runs at once would go unnoticed."""
    if not is_writable():
        return  # told already, and nothing can run
    STATE.mkdir(exist_ok=True)
    path = STATE / "lock-test"
    try:
        with path.open("w") as one, path.open("w") as two:
            try_lock(one)
            if try_lock(two):
                yield Finding("warning", "the file system grants a lock twice", _LOCKS_WAY_OUT)
            else:
                yield Finding("ok", "the file system keeps locks")
    except OSError as error:
        yield Finding("warning", f"the file system has no locks ({error})", _LOCKS_WAY_OUT)
    finally:
        path.unlink(missing_ok=True)


@check("clock")
def clock(_: Params) -> Iterator[Finding]:
    """Check the file server's clock against this host's.

    What runs again is decided by no time, but the message after a failure looks for the newest log
    of SLURM, and status tells since when a run is at work.
    """
    if not is_writable():
        return
    STATE.mkdir(exist_ok=True)
    path = STATE / "clock-test"
    try:
        before = time.time()
        path.write_text("now")
        skew = path.stat().st_mtime - (before + time.time()) / 2
    finally:
        path.unlink(missing_ok=True)
    if abs(skew) > SKEW:
        text = f"the file system's clock is {skew:+.0f} s from this host's"
        yield Finding(
            "warning",
            f"{text}, so a failed job's log may not be found",
            "ask the admins to synchronise clocks (NTP)",
        )
    else:
        yield Finding("ok", "the file system's clock agrees with this host's")


_LOCKS_WAY_OUT = "never start two runs in this folder at once; or move it to another disk"


def _accounting(config: dict[str, object]) -> Iterator[Finding]:
    """Check `sacct`: the executor asks it how jobs fare, and waits for ever if it is mute."""
    asks_squeue = config.get("slurm-status-command") == "squeue"
    answers = shutil.which("sacct") is not None and not run_command("sacct", "--jobs=1").returncode
    if not answers and not asks_squeue:
        yield Finding(
            "problem",
            "sacct does not answer: Snakemake would wait for ever for jobs that have ended",
            f"in {SLURM}: slurm-status-command: squeue, and slurm-no-account: true",
        )
    elif answers:
        yield Finding("ok", "sacct answers")
    if asks_squeue:
        found = re.search(
            r"MinJobAge\s*=\s*(\d+)", run_command("scontrol", "show", "config").stdout
        )
        age = int(found[1]) if found else 0
        if age < MIN_JOB_AGE:
            yield Finding(
                "problem",
                f"SLURM forgets ended jobs after {age} s (MinJobAge), before squeue is asked again",
                f"in {SLURM}: seconds-between-status-checks: {max(1, age // 4)}",
            )
        else:
            yield Finding("ok", f"squeue remembers ended jobs for {age} s")


def _partitions(config: dict[str, object]) -> Iterator[Finding]:
    """Check that named partitions exist, with GPUs where steps ask for them."""
    rows = [line.split("|") for line in lines_of("sinfo", "--noheader", "--format=%R|%G|%a")]
    names = {row[0] for row in rows}
    with_gpu = {row[0] for row in rows if "gpu" in row[1]}
    resources: dict[str, Mapping[str, object]] = {"default-resources": _block(config)}
    steps = config.get("set-resources")
    resources |= steps if isinstance(steps, dict) else {}
    # The rule asks for GPUs, unless the profile says otherwise.
    resources["train"] = {"gpu": 1, **resources.get("train", {})}
    for step, block in resources.items():
        partition = str(block.get("slurm_partition", "")).strip("'\"")
        if partition and partition not in names:
            known = ", ".join(sorted(names))
            what = f"{SLURM}: {step} wants the partition {partition!r}, there are {known}"
            yield Finding("problem", what, "name one of these")
        elif block.get("gpu") and not with_gpu:
            what = f"{SLURM}: {step} asks for a GPU, and no partition has one"
            yield Finding("problem", what, f"in {SLURM}: set-resources, {step}, gpu: 0")
        elif block.get("gpu") and partition and partition not in with_gpu:
            what = f"{SLURM}: {step} asks for a GPU in {partition!r}, which has none"
            yield Finding("problem", what, f"GPUs are in: {', '.join(sorted(with_gpu))}")
    gpus = f", GPUs in {', '.join(sorted(with_gpu))}" if with_gpu else ", none with GPUs"
    yield Finding("ok", f"partitions: {', '.join(sorted(names))}{gpus}")


def _block(config: dict[str, object]) -> Mapping[str, object]:
    """Return the default resources, which a profile gives as a block or as a list."""
    found = config.get("default-resources")
    if isinstance(found, list):
        return dict(str(item).split("=", 1) for item in found)
    return found if isinstance(found, dict) else {}


def _store_gib(name: str, params: Params) -> float:
    """Estimate the size of a study's store from its fingerprint, or from its manifest."""
    image = params.studies[name].image
    summary, manifest = Path(f"results/studies/{name}/ingest.json"), Path(f"data/{name}")
    n_pictures = 0
    if summary.exists():
        seen = read_json(summary)
        n_pictures = int(seen.get("fingerprint", {}).get("n_slices", seen.get("n_pictures", 0)))
    elif (manifest / "manifest.csv").exists():
        with (manifest / "manifest.csv").open("rb") as stream:
            n_pictures = sum(1 for _ in stream) - 1
    channels = 3 if image.channels == "colour" else 1
    return n_pictures * image.side**2 * channels * (image.bits // 8) / 2**30


def _last(text: str) -> str:
    return text.strip().rpartition("\n")[2]
