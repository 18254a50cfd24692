"""A first report while the rest is still at work: the studies of which everything is scored.

The page is no result: it has no receipt and no place in Git or DVC, and goes once the report is
there. It is made by the same steps, in a folder of their own that links to what is finished.
"""

import logging
import subprocess
import sys
from collections.abc import Collection, Iterator, Sequence
from html import escape
from pathlib import Path
from shutil import copyfile, rmtree
from tempfile import mkdtemp
from typing import Any

import yaml

from radpipe.core.ensembles import ensembles_of
from radpipe.core.errors import RadpipeError
from radpipe.core.files import write_text
from radpipe.core.graph import RECEIPTS, Graph, Run
from radpipe.core.hashes import Stamp, stamp_of
from radpipe.core.imported import imports_of
from radpipe.core.openings import FILE as OPENINGS
from radpipe.core.params import Params
from radpipe.core.plurals import counted
from radpipe.core.starting import ancestors
from radpipe.engines.freshness import Freshness
from radpipe.figures.kept import FOLDER as FIGURES

PAGE = Path("results/report-so-far.html")
STATE = Path(".state")
# What these steps make anew for the studies that are done; all else is linked to.
STEPS = ("compare", "judge", "report")
LINKED = ("src", "workflow", "presets", "weights", "data")
RESULTS = ("runs", "scores", "studies", "cohorts", "explanations")
HEADER = "<header>"

log = logging.getLogger("radpipe.preview")


def preview(params: Params) -> None:
    """Write a report of the studies of which everything is scored, while others are at work.

    Raises
    ------
    RadpipeError
        No study is that far, or one of the steps failed.

    """
    freshness = Freshness(Graph(params))
    left = {
        study: [run for run in runs_behind(params, study) if freshness.reasons(run)]
        for study in planned_studies(params)
    }
    done = [study for study, runs in left.items() if not runs]
    if not done:
        study, runs = min(left.items(), key=lambda item: len(item[1]))
        raise RadpipeError(
            f"No study is scored whole so far: {counted(len(runs), 'run')} of {study} are missing,"
            f" the first is {runs[0].title}. The way out: wait, and look with radpipe status; or"
            " start snakemake."
        )
    said = f"{', '.join(done)}; {len(done)} of {counted(len(left), 'study', 'studies')}"
    write_text(PAGE, _marked(_rendered(params, done), said))
    log.info("so far: %s (%s)", PAGE, said)


def planned_studies(params: Params) -> list[str]:
    """Return the studies of which something is compared, in the order of the plan."""
    found = [params.variants[name].study for name in params.plan.variants]
    found += [block.study for block in params.plan.imported.values()]
    return list(dict.fromkeys(found))


def runs_behind(params: Params, study: str) -> list[Run]:
    """Return the runs that a report of one study is made from.

    Those of studies from whose runs its variants start are among them.
    """
    graph = Graph(Params.model_validate(only(params, _with_origins(params, study))))
    return [run for run in graph.runs.values() if run.step.name not in STEPS]


def only(params: Params, studies: Collection[str]) -> dict[str, Any]:
    """Return the content of a `params.yaml` that plans some of the studies, and no others."""
    found, plan = params.model_dump(mode="json"), params.plan
    cohorts = {cohort: home for cohort, home in plan.cohorts.items() if home in studies}
    ensembles = [name for study in studies for name in ensembles_of(study, plan, params.variants)]
    imported = [name for study in studies for name in imports_of(study, plan)]
    found["plan"] |= {
        "variants": [n for n in plan.variants if params.variants[n].study in studies],
        "ensembles": {n: found["plan"]["ensembles"][n] for n in plan.ensembles if n in ensembles},
        "imported": {n: found["plan"]["imported"][n] for n in plan.imported if n in imported},
        "cohorts": cohorts,
        "starts": [name for name in plan.starts if name in _borrowed(params, studies)],
        "open_test": [name for name in plan.open_test if name in studies],
    }
    found["variants"] = {n: found["variants"][n] for n in found["plan"]["variants"]}
    stores = {block["store"] for block in found["variants"].values()}
    found["features"] = {
        name: value
        for name, value in found["features"].items()
        if params.features[name].folder(name) in stores
    }
    found["explain"] = {n: e for n, e in found["explain"].items() if n in found["variants"]}
    kept = {*studies, *cohorts, *_looked_at(params, found["variants"])}
    for block in ("studies", "localize"):
        found[block] = {n: value for n, value in found[block].items() if n in kept}
    return found


def _looked_at(params: Params, variants: Collection[str]) -> set[str]:
    """Return the studies at whose pixels or features variants look: two may share pictures."""
    blocks = [(params.variants[name], params.origins[name]) for name in variants]
    stores = (Path(each.store) for both in blocks for each in both)
    return {name for store in stores for name in store.parts[1:2]}


def _borrowed(params: Params, studies: Collection[str]) -> set[str]:
    """Return the weights of others that the variants of some studies start from themselves."""
    variants = (each for each in params.origins.values() if each.study in studies)
    return {name for variant in variants for name in variant.all_borrowed}


def _with_origins(params: Params, study: str) -> set[str]:
    """Return a study and those whose runs give its variants their starting weights."""
    names = [n for n in params.plan.variants if params.variants[n].study == study]
    names += [other for name in names for other in ancestors(name, params.origins)]
    return {params.variants[name].study for name in names}


def _rendered(params: Params, studies: Collection[str]) -> str:
    """Let the last steps work on some studies; return the page."""
    STATE.mkdir(exist_ok=True)
    folder = Path(mkdtemp(prefix="so-far-", dir=STATE)).absolute()
    try:
        _link(folder)
        write_text(folder / "params.yaml", yaml.safe_dump(only(params, studies), sort_keys=False))
        for step in STEPS:
            command = [sys.executable, f"workflow/scripts/{step}.py"]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RadpipeError(f"{step} of {', '.join(studies)} failed:\n{done.stderr}")
        return (folder / "results/report.html").read_text(encoding="utf-8")
    finally:
        rmtree(folder)


def _link(folder: Path) -> None:
    """Make a folder in which everything is found that is finished, and nothing is changed."""
    # What it draws is not drawn again for the next page, nor for the report.
    FIGURES.mkdir(parents=True, exist_ok=True)
    names = [*LINKED, *(f"results/{name}" for name in RESULTS), str(FIGURES)]
    receipts = RECEIPTS.iterdir() if RECEIPTS.exists() else ()
    names += [str(path) for path in receipts if path.name not in STEPS]
    for name in names:
        if Path(name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).symlink_to(Path(name).absolute())
    if OPENINGS.exists():
        copyfile(OPENINGS, folder / OPENINGS)


def _marked(page: str, said: str) -> str:
    """Say on a page that it is not the last word."""
    note = (
        '<div class="caution serious" role="note"><strong>So far</strong>'
        f"<p>Finished: {escape(said)}. The others are still at work. results/report.html is"
        " written when they are done, and so are checklists and tables beside it. Load this page"
        " again from time to time.</p></div>\n"
    )
    head, mark, rest = page.partition(HEADER)
    if not mark:
        raise ValueError(f"the page has no {HEADER}, below which to say that it is unfinished")
    return f"{head}{mark}\n{note}{rest}"


class Preview:
    """Looks, while Snakemake runs, whether a study is done, and then has the page renewed.

    Parameters
    ----------
    params
        The whole plan.

    """

    def __init__(self, params: Params) -> None:
        self._receipts = {
            study: [run.receipt for run in runs_behind(params, study)]
            for study in planned_studies(params)
        }
        self._seen: dict[Path, Stamp] = {}
        self._process: subprocess.Popen[str] | None = None

    def look(self) -> Iterator[str]:
        """Begin a page if a study has come to its end; yield what is to be told of the last one."""
        if self._process and self._process.poll() is not None:
            said = self._process.communicate()[0].strip()
            if self._process.returncode == 0:
                yield said.splitlines()[-1]
            self._process = None
        if self._process is None and self._is_due():
            self._process = subprocess.Popen(
                [sys.executable, "-m", "radpipe.app", "preview"],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )

    def close(self) -> None:
        """End a preview that is still at work."""
        if self._process is not None:
            self._process.terminate()
            self._process.communicate()

    def _is_due(self) -> bool:
        """Tell whether receipts of a whole study are there, new ones, and others' are not."""
        stamps = {study: _stamps(receipts) for study, receipts in self._receipts.items()}
        whole = [found for found in stamps.values() if found is not None]
        if len(whole) == len(stamps):
            return False
        there = {path: stamp for found in whole for path, stamp in found.items()}
        is_new = not there.items() <= self._seen.items()
        self._seen |= there
        return is_new


def _stamps(receipts: Sequence[Path]) -> dict[Path, Stamp] | None:
    """Return what tells that receipts were written anew; None unless all are there."""
    try:
        return {path: stamp_of(path) for path in receipts}
    except FileNotFoundError:
        return None
