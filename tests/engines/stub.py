"""Steps with the real frame and no work: outputs are hashes of what they were made from.

A whole plan then runs in seconds through both engines, and an output is the same bytes
exactly if settings and inputs are the same.
"""

import ast
import json
import time
from pathlib import Path
from typing import Any

import radpipe
from radpipe.core.files import sha256_json, write_json, write_text
from radpipe.core.params import lookup
from radpipe.core.step import Job, Step

# Outputs that are stores of pictures.
STORES = ("store", "crops")


def step_of(script: Path) -> Step:
    """Return the `STEP` that a script declares, without importing what the script needs."""
    tree = ast.parse(script.read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "STEP":
            names = {
                "Step": Step,
                "Path": Path,
                "SETTINGS": constant("studies/base/sources.py", "SETTINGS"),
                "__doc__": ast.get_docstring(tree),
            }
            return eval(compile(ast.Expression(node.value), str(script), "eval"), names)  # noqa: S307
    raise LookupError(f"{script} declares no STEP")


def constant(module: str, name: str) -> Any:
    """Return a literal that a module of the package defines, without importing it."""
    tree = ast.parse((Path(radpipe.__file__).parent / module).read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name:
            return ast.literal_eval(node.value)
    raise LookupError(f"{module} defines no {name}")


def run(script: str) -> None:
    """Run the step that the real `script` declares, with made-up outputs."""
    step = step_of(Path(script))
    step(lambda job: work(step, job))


def work(step: Step, job: Job) -> None:
    """Write outputs that depend on settings and inputs alone."""
    args = job.args
    content: Any = [step.name, job.run, [lookup(job._params, key) for key in job._declared]]
    if step.name == "ingest":
        # Pixels depend on the image settings; an edit to the adapter changes nothing.
        content = [content, job.hashes.of(args.cases)]
    elif step.name == "localize":
        own = job.setting(f"localize.{args.study}").model_dump(mode="json")
        content = [own, job.hashes.of(args.store), job.hashes.of(args.split)]
    elif step.name in ("train", "predict", "split"):
        content = [content, *(job.hashes.of(getattr(args, name)) for name in step.reads)]
    for file in found(step, job):
        content = [content, job.hashes.of(job.read(file))]
    if (slow := Path("slow")).exists() and step.name in slow.read_text().split():
        time.sleep(1)
    for name in step.writes:
        path = getattr(args, name)
        if path.name in STORES:
            image = job.setting(f"studies.{args.study}.image")
            write_json(path / "fingerprint.json", {"image": image.model_dump(mode="json")})
        if name in ("tables", "figures") or path.name in STORES:
            path.mkdir(parents=True, exist_ok=True)
            path = path / "bones-roc.png"
        digest = sha256_json([name, content])
        made: dict[str, Any] = {"sha256": digest}
        if (step.name, name) == ("report", "metrics"):
            score = int(digest[:4], 16) / 2**16
            block = {"auc": score, "auc_low": score / 2, "auc_high": (1 + score) / 2}
            made = dict.fromkeys(job._params.plan.variants, block)
        write_text(path, json.dumps(made) + "\n")


def found(step: Step, job: Job) -> list[Path]:
    """List the files that the real step finds in the folders it is given."""
    plan = job._params.plan
    if step.name == "evaluate":
        runs = [f"fold-{f}-seed-{s}" for f in plan.folds for s in plan.seeds]
        names = ("predictions.parquet", "history.csv")
        return [job.args.runs / run / name for run in runs for name in names]
    if step.name == "compare":
        names = ("metrics.json", "cases.parquet", "history.csv")
        return [job.args.scores / v / name for v in plan.variants for name in names]
    if step.name == "report":
        scores = [job.args.scores / v / "metrics.json" for v in plan.variants]
        studies = [job.args.studies / s / "split.json" for s in job._params.studies]
        return [*scores, *studies, job.args.tables, job.args.figures]
    return []
