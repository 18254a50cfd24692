"""`radpipe reproduce`: what somebody else needs to make a failure again, and no patient's data."""

import json
import logging
import platform
import zipfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import yaml

from radpipe.core.errors import RadpipeError, unknown_name
from radpipe.core.files import atomic, json_text, read_json
from radpipe.core.git import DECIDES, ask, checked_out, lines
from radpipe.core.graph import Graph, Run
from radpipe.core.jobs import Note, read_notes
from radpipe.core.params import Params, lookup
from radpipe.core.plurals import counted
from radpipe.core.processors import n_processors
from radpipe.core.step import RUN_ME_AGAIN
from radpipe.engines.commands import lines_of
from radpipe.engines.freshness import Freshness
from radpipe.engines.scrubbing import Names, Scrubber, shown_variables
from radpipe.engines.slurm import said_of

FOLDER = Path("logs/reproduce")
# What belongs to code and presets, and is text.
CODE = frozenset({".css", ".j2", ".js", ".json", ".py", ".smk", ".yaml", ".yml"})
# Which kernels compute, with how many threads, and how text is read.
VARIABLES = (
    *("ATEN_CPU_CAPABILITY", "CUBLAS_WORKSPACE_CONFIG", "CUDA_VISIBLE_DEVICES", "LANG", "LC_ALL"),
    *("MKL_CBWR", "MKL_NUM_THREADS", "NPY_DISABLE_CPU_FEATURES", "OMP_NUM_THREADS"),
    *("ONEDNN_MAX_CPU_ISA", "OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS", "PYTHONHASHSEED"),
    *("SLURM_CPUS_PER_TASK", "SLURM_MEM_PER_NODE", "TZ"),
)
ABOUT = """\
# {title}

Written by `radpipe reproduce`: what somebody else needs to make this run again. It holds no
pictures, no tables of cases and no weights. Names and ids of patients, cases and files, paths,
addresses, hosts and users are taken out.{unknown}

| file | holds |
|---|---|
| case.json | the run, how it ended, the commit, the machine, and why the run is stale |
| params.yaml | settings of the project |
| settings.json | the settings that this run depends on, presets resolved |
| receipts/ | receipts of the run and of those that made its inputs |
| versions.txt | installed packages |
| changes.patch | how code and presets differ from the commit, to be read |
| new/ | code and presets that the commit does not have, or not in this form |
| log.txt | what the run said |

To make it again: check out commit {commit} of the
project, copy what lies in `new/` into it, install the versions, put `params.yaml` in place, and
write a source for each study whose source is <removed>: your copy of the data, or `kind: phantom`
where its adapter has one. Then:

    snakemake --cores 1 --until {step}

Or this step alone, when its inputs are there:

    {command}
"""

log = logging.getLogger("radpipe.engines")


def reproduce(params: Params, *, run: Sequence[str] = (), out: Path | None = None) -> None:
    """Put into one archive what somebody needs to make a run's failure again.

    Parameters
    ----------
    run
        Step and run as messages name them; none: what failed last.
    out
        The archive, .zip; by default below `logs/reproduce/`.

    Raises
    ------
    RadpipeError
        There is no such run, or nothing has failed.

    """
    graph = Graph(params)
    chosen = _chosen(graph, run)
    names = Names.of(params)
    files = Case(graph, chosen, Scrubber(names)).files()
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S")
    archive = out or FOLDER / f"{chosen.step.name}-{chosen.name}-{now}.zip"
    with atomic(archive) as temporary, zipfile.ZipFile(temporary, "w") as packed:
        for name, text in files.items():
            packed.writestr(f"{archive.stem}/{name}", text, zipfile.ZIP_DEFLATED)
    log.info(
        "wrote %s: %s of %s, without pictures, names and ids. Look through it before you send it.",
        archive,
        counted(len(files), "file"),
        chosen.title,
    )


def _chosen(graph: Graph, words: Sequence[str]) -> Run:
    """Find the run that is meant.

    Raises
    ------
    RadpipeError
        It is not planned, or nothing has failed.

    """
    if words:
        titles = {run.title: run for run in graph.runs.values()}
        if (title := " ".join(words)) not in titles:
            raise unknown_name("reproduce", title, titles)
        return titles[title]
    failed = [note for note in read_notes() if note.lost or note.code not in (None, 0)]
    failed = [note for note in failed if note.code != RUN_ME_AGAIN]
    for note in sorted(failed, key=lambda note: note.ended or note.started, reverse=True):
        if found := graph.runs.get((note.step, note.run)):
            return found
    raise RadpipeError(
        "reproduce: nothing has failed here. To take out a run all the same, name it as radpipe"
        " status does: radpipe reproduce train bones-v1-fold-0-seed-0"
    )


class Case:
    """What is known of one run, as texts that may be shown.

    Parameters
    ----------
    graph, run
        The plan, and the run in it.
    scrubber
        Takes out what may not be shown.

    """

    def __init__(self, graph: Graph, run: Run, scrubber: Scrubber) -> None:
        self.graph = graph
        self.run = run
        self.scrubber = scrubber
        self.ancestors = _ancestors(graph, run)
        self.note = next((n for n in read_notes() if (n.step, n.run) == run.key), None)

    def files(self) -> dict[str, str]:
        """Return the archive's files: name to text."""
        clean = self.scrubber
        settings = {key: lookup(self.graph.params, key) for key in self.run.settings}
        params = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
        return {
            "README.md": self._about(),
            "case.json": json_text(self._case()),
            "params.yaml": yaml.safe_dump(clean.value(params), sort_keys=False, allow_unicode=True),
            "settings.json": json_text(clean.value(settings)),
            **self._receipts(),
            "versions.txt": _versions(),
            "changes.patch": clean.text(_changes()),
            **{f"new/{clean.text(name)}": clean.text(text) for name, text in _other_code()},
            "log.txt": clean.text(self._log()),
        }

    def _about(self) -> str:
        unknown = self.scrubber.names.unknown
        said = (
            f" The tables of {', '.join(unknown)} were not there, so their names were not known;"
            " whatever stood in quotes is taken out instead."
        )
        return ABOUT.format(
            title=self.run.title,
            unknown=said if unknown else "",
            commit=checked_out().name or "(none)",
            step=self.run.step.name,
            command=self.run.step.command.format(**self.run.values),
        )

    def _case(self) -> dict[str, Any]:
        freshness = Freshness(self.graph)
        commit = checked_out()
        case: dict[str, Any] = {
            "run": self.run.title,
            "ended": _ending(self.note),
            "stale": {run.title: freshness.reasons(run) for run in self.ancestors},
            "commit": commit.name,
            "clean": commit.clean,
            "system": platform.platform(),
            "python": platform.python_version(),
            "processors": n_processors(),
            "processor": _processor(),
            "gpus": lines_of(
                "nvidia-smi",
                "--query-gpu=name,driver_version,memory.total",
                "--format=csv,noheader",
            ),
            "variables": shown_variables(VARIABLES),
        }
        cleaned: dict[str, Any] = self.scrubber.value(case)
        return cleaned

    def _receipts(self) -> dict[str, str]:
        found = {}
        for run in self.ancestors:
            if run.receipt.exists():
                try:
                    text = json_text(self.scrubber.value(read_json(run.receipt)))
                except (json.JSONDecodeError, UnicodeDecodeError):
                    text = "(no JSON)\n"
                found[f"receipts/{run.step.name}/{run.name}.json"] = text
        return found

    def _log(self) -> str:
        if self.note is None:
            return "(this run has not been started here)\n"
        try:
            said = self.note.log.read_text(encoding="utf-8", errors="replace")
        except OSError:
            said = "(its log is gone)\n"
        return said + said_of(self.note.slurm_job)


def _ancestors(graph: Graph, run: Run) -> list[Run]:
    """Return a run and all runs that its inputs come from, makers first."""
    found: dict[tuple[str, str], Run] = {}

    def visit(one: Run) -> None:
        for maker in graph.makers_of(one):
            if maker.key not in found:
                visit(maker)
        found[one.key] = one

    visit(run)
    return list(found.values())


def _ending(note: Note | None) -> dict[str, Any]:
    if note is None:
        return {}
    return {
        "started": note.started,
        "ended": note.ended,
        "code": note.code,
        "message": note.message,
        "killed": note.lost,
    }


def _versions() -> str:
    found = {f"{each.metadata['Name']}=={each.version}" for each in distributions()}
    return (
        "\n".join([f"# Python {platform.python_version()}", *sorted(found, key=str.lower)]) + "\n"
    )


def _changes() -> str:
    """Return how code and presets differ from the commit; settings are in files of their own."""
    paths = [name for name in DECIDES if name != "params.yaml"]
    said = ask("diff", "--no-ext-diff", "--no-color", "--relative", "HEAD", "--", *paths)
    return (said or b"").decode(errors="replace")


def _other_code() -> Iterator[tuple[str, str]]:
    """Yield files of code and presets that the commit does not have, or has in another form.

    Whole, because a patch fits no more once a name or a path is taken out of it.
    """
    plain = ("-c", "core.quotePath=false")
    new = ("ls-files", "--others", "--exclude-standard")
    changed = ("diff", "--name-only", "--relative", "--diff-filter=d", "HEAD")
    found = (lines(*plain, *asked, "--", *DECIDES) or () for asked in (new, changed))
    for name in sorted({name for names in found for name in names}):
        if (Path(name).suffix in CODE or name == "Snakefile") and name != "params.yaml":
            yield name, Path(name).read_text(encoding="utf-8", errors="replace")


def _processor() -> str:
    named = [line for line in lines_of("lscpu") if line.startswith("Model name")]
    return named[0].partition(":")[2].strip() if named else platform.processor()
