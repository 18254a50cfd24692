"""Steps with the real frame and no work: outputs are hashes of what they were made from.

A whole plan then runs in seconds through both engines, and an output is the same bytes
exactly if settings and inputs are the same.
"""

import json
import time
from pathlib import Path
from typing import Any

from radpipe.core.files import sha256_json, write_json, write_text
from radpipe.core.params import Params, lookup
from radpipe.core.recipe import make_recipe, read_recipe
from radpipe.core.step import Job, Step

# Outputs that are stores of pictures.
STORES = ("store", "crops")


def run(step: Step) -> None:
    """Run a step with made-up outputs."""
    step(lambda job: work(step, job))


def work(step: Step, job: Job) -> None:
    """Write outputs that depend on settings and inputs alone."""
    args = job.args
    content = content_of(step, job)
    if (slow := Path("slow")).exists() and step.name in slow.read_text().split():
        time.sleep(5)
    if step.name == "predict" and job.params.opens(job.params.variants[args.variant].study):
        from radpipe.core.openings import FILE, note_opening

        note_opening(FILE, read_recipe(args.recipe), fold=args.fold, seed=args.seed)
    for name in step.writes:
        path = getattr(args, name)
        if (step.name, name) == ("train", "recipe"):
            write_text(path, make_recipe(job.params, args.variant, job.hashes).text)
            continue
        if path.name in STORES:
            image = job.params.studies[args.study].image
            write_json(path / "fingerprint.json", {"image": image.model_dump(mode="json")})
        if not path.suffix:
            path.mkdir(parents=True, exist_ok=True)
            path = path / ("png/bones-roc.png" if name == "figures" else "bones-roc.png")
            path.parent.mkdir(exist_ok=True)
        digest = sha256_json([name, content])
        made: dict[str, Any] = {"sha256": digest}
        if (step.name, name) == ("report", "metrics"):
            made = best_of(job.params)
        if (step.name, name) == ("report", "numbers"):
            made = {variant: scores_of(variant) for variant in job.params.plan.variants}
        text = json.dumps(made) + "\n"
        if Path("in-place").exists():
            path.write_text(text)
        else:
            write_text(path, text)


def best_of(params: Params) -> dict[str, Any]:
    """Return each study's best variant and its scores, as the step report writes them."""
    found: dict[str, Any] = {}
    for variant in params.plan.variants:
        block = {"best": variant, **scores_of(variant)}
        study = params.variants[variant].study
        found[study] = max(found.get(study, block), block, key=lambda one: one["auc"])
    return found


def scores_of(variant: str) -> dict[str, float]:
    """Return a made-up score that follows from the variant's trained weights."""
    runs = Path("results/runs", variant)
    weights = {str(file): file.read_text() for file in sorted(runs.glob("*/weights.safetensors"))}
    score = round(int(sha256_json(weights)[:4], 16) / 2**16, 4)
    return {"auc": score, "auc_low": round(score / 2, 4), "auc_high": round((1 + score) / 2, 4)}


def content_of(step: Step, job: Job) -> Any:
    """Return what the outputs depend on: as a rule settings and inputs."""
    settings = [lookup(job.params, key) for key in job.run.settings]
    inputs = [job.hashes.of(Path(path)) for path in job.run.inputs]
    if step.name == "localize":
        # A detector is made from few settings.
        return [settings[-1], *(job.hashes.of(job.args.store), job.hashes.of(job.args.split))]
    if step.name == "ingest":
        # Pixels depend on the image settings; an edit to the adapter changes nothing.
        return [settings, job.hashes.of(job.args.cases)]
    return [step.name, job.run.name, settings, inputs]
