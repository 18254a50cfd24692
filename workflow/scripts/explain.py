"""Show where a variant looks: maps of some cases, and how well they agree with the known truth.

Reads   recipe.json, weights.safetensors, predictions.parquet and predictor.json of the first run
        of the variant, the store and split of its study, data/<study>/boxes.parquet
Writes  results/explanations/<variant>/gallery/          pictures of a few cases, without names
        results/explanations/<variant>/measures.parquet  numbers of each scored map
        results/explanations/<variant>/facts.json        what was explained; no names
"""

from radpipe.core.environment import pin

if __name__ == "__main__":
    pin(kernels_to="predict")

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radpipe.core.files import read_json, write_json
from radpipe.core.recipe import Recipe, read_recipe
from radpipe.core.settings import Explain, MethodChoice
from radpipe.core.step import Job, Step
from radpipe.core.tables import read_table, write_table
from radpipe.explaining.choosing import check_named
from radpipe.explaining.explain import CaseMap, explain
from radpipe.explaining.gallery import Layer, in_order, layers_of, lettered, said_of
from radpipe.explaining.ideal import IdealObserver, signals_of
from radpipe.explaining.methods import Method, read_method
from radpipe.explaining.parts import point_of, read_parts
from radpipe.explaining.plan import PartPlan, plan_parts
from radpipe.explaining.sanity import redrawn_alike, shuffled_member
from radpipe.explaining.scoring import Scoring, scored_ideal, scored_method
from radpipe.explaining.subject import Material, Member
from radpipe.explaining.table import measures_table
from radpipe.explaining.truth import Truth, located, shown_by, truth_of
from radpipe.figures.overlays import enlarged, outlined, overlay, save_jpeg, sheet
from radpipe.imaging.store import Store
from radpipe.imaging.writing import building
from radpipe.learning.data.cases import Cases, read_part
from radpipe.learning.networks.network import load_network
from radpipe.learning.training.run import arithmetic_of, set_up
from radpipe.prediction.description import Description, read_description

log = logging.getLogger("radpipe.explain")

STEP = Step(
    "explain",
    __doc__,
    each="explain",
    reads={
        "store": "{store}",
        "split": "data/{study}/split.parquet",
        "boxes": "data/{study}/boxes.parquet",
        "ingested": "results/studies/{study}/ingest.json",
        "recipe": "results/runs/{variant}/fold-{folds}-seed-{seeds}/recipe.json",
        "weights": "results/runs/{variant}/fold-{folds}-seed-{seeds}/weights.safetensors",
        "predictions": "results/runs/{variant}/fold-{folds}-seed-{seeds}/predictions.parquet",
        "described": "results/runs/{variant}/fold-{folds}-seed-{seeds}/predictor.json",
    },
    writes={
        "gallery": "results/explanations/{variant}/gallery",
        "measures": "results/explanations/{variant}/measures.parquet",
        "facts": "results/explanations/{variant}/facts.json",
    },
    settings=(
        "explained.{variant}",
        "opened.{study}",
        "plan.folds|seeds",
        "evaluation.confidence",
        "studies.{study}",
    ),
    loads=("radpipe.learning.models.{architectures}", "radpipe.studies.{adapter}"),
    keeps={"gallery": "remote", "measures": "remote", "facts": "git"},
    mem_mb=8000,
    runtime=120,
)


@dataclass(frozen=True)
class Read:
    """What is there before anything is explained."""

    how: Explain
    recipe: Recipe
    described: Description
    store: Store
    member: Member
    plans: list[PartPlan]
    truth: Truth


def main(job: Job) -> None:
    """Choose cases, draw maps of them, measure those whose truth is known, show a few."""
    args = job.args
    read = read_run(job)
    how, plans, seed = read.how, read.plans, read.how.gallery.seed
    train, scoring = covariates(job, read), scoring_of(job, read)
    maps: dict[str, list[list[CaseMap]]] = {}
    seeds: dict[str, dict[str, float]] = {}
    seconds, rows, told = {}, [], {}
    for key, choice in how.methods.items():
        started = time.monotonic()
        maps[key] = maps_of(read, choice, background=train)
        if choice.scored:
            found, told[key] = scored_method(scoring, key, method_of(choice), maps[key], seed=seed)
            rows += found
        if "draws" not in told.get(key, {}) and (moved := redrawn(read, choice, maps[key])):
            seeds[key] = moved
        seconds[key] = round(time.monotonic() - started, 2)
    rows += scored_ideal(scoring, maps)
    write_table(args.measures, measures_table(rows))
    drawn = Drawn(read.store, how, read.truth, plans, maps, read.member.questions)
    shows = draw_gallery(
        drawn, args.gallery, confidence=job.setting("evaluation.confidence"), shy=burned_in(args)
    )
    about = facts(args.variant, read.described, drawn, shows)
    about |= {"measured": told, "bound": how.checks.bound, "other_seed": seeds}
    write_json(args.facts, about)
    job.computed(arithmetic_of(read.recipe.train, read.member.device))
    parts = [plan.part.name for plan in plans]
    job.fact(device=read.member.device.type, parts=parts, seconds_of_methods=seconds)
    log.info("explained %s: shown=%d measures=%d", args.variant, len(shows), len(rows))


def read_run(job: Job) -> Read:
    """Read the first run of the plan, and choose what is explained of each part.

    Test is looked at only where predict has opened it, and written that down.
    """
    args = job.args
    how: Explain = job.setting(f"explained.{args.variant}")
    recipe, store = read_recipe(args.recipe[0]), Store(args.store)
    described = read_description(args.described[0].parent)
    parts = read_parts(
        recipe,
        point_of(described),
        read_table(args.predictions[0]),
        store,
        args.split,
        names=["tune", "test"] if job.params.opens(recipe.study) else ["tune"],
        fold=described.fold,
    )
    check_named(how.gallery.named, [part.asked for part in parts])
    boxes, target = read_table(args.boxes), recipe.target
    shown = shown_by(target, boxes, how.boxes)
    plans = plan_parts(target, parts, how, located(boxes, shown, target))
    cases = {name for plan in plans for name in plan.names}
    truth = truth_of(boxes, store, recipe.image, target, shown=shown, cases=cases)
    network = load_network(args.weights[0], recipe, store).to(set_up(recipe.train))
    return Read(how, recipe, described, store, Member(network, recipe), plans, truth)


def covariates(job: Job, read: Read) -> NDArray[np.float32] | None:
    """Return those of the train part, against which a table's contributions are counted."""
    if not read.member.covariates:
        return None
    return part_of(job, read, "train").entries


def scoring_of(job: Job, read: Read) -> Scoring:
    """Gather what all methods are scored with: on phantoms an ideal observer, too."""
    study = job.setting(f"studies.{read.recipe.study}")
    signals = signals_of(read.recipe.study, study)
    ideal = None if signals is None else IdealObserver(signals, read.store, read.recipe.image)
    other = shuffled(job, read) if read.how.shuffled else None
    variant = job.args.variant
    return Scoring(variant, read.how, read.member, read.store, read.plans, read.truth, ideal, other)


def shuffled(job: Job, read: Read) -> Member:
    """Train the variant once more, on shuffled labels."""
    parts = part_of(job, read, "train"), part_of(job, read, "tune")
    seed = read.described.seed
    return shuffled_member(read.member, read.recipe, read.store, parts=parts, seed=seed)


def part_of(job: Job, read: Read, part: str) -> Cases:
    """Read a part of the run."""
    recipe, fold = read.recipe, read.described.fold
    return read_part(
        job.args.split, read.store, recipe.target, part=part, fold=fold, model=recipe.model
    )


@dataclass(frozen=True)
class Drawn:
    """Everything that was drawn: method to its maps, part by part."""

    store: Store
    how: Explain
    truth: Truth
    plans: list[PartPlan]
    maps: Mapping[str, list[list[CaseMap]]]
    labels: list[str]

    def of_part(self, place: int) -> dict[str, list[CaseMap]]:
        """Return method to its maps of one part."""
        return {key: found[place] for key, found in self.maps.items()}


def burned_in(args: Any) -> bool:
    """Tell whether text is likely to stand in some pictures; the store does not say in which."""
    return bool(read_json(args.ingested)["n_burned_in"])


def draw_gallery(
    drawn: Drawn, folder: Path, *, confidence: float, shy: bool
) -> list[dict[str, Any]]:
    """Draw the pictures, numbered, and write down what is told of each."""
    tune = drawn.plans[0].part.asked.sample
    shows: list[dict[str, Any]] = []
    with building(folder) as new:
        for place, plan in enumerate(drawn.plans):
            maps = drawn.of_part(place)
            for one in plan.shown:
                said = said_of(plan.part, tune, one, drawn.labels, confidence=confidence)
                case = str(plan.part.asked.case[one.row])
                found = list(in_order(maps, case, one.label))
                name = f"{len(shows) + 1:02d}.jpg"
                said |= draw_case(drawn, new / name, found, shy=shy)
                shows.append(said)
        write_json(new / "gallery.json", shows)
    return shows


def draw_case(drawn: Drawn, path: Path, found: list[CaseMap], *, shy: bool) -> dict[str, Any]:
    """Draw one case, if its pixels may be shown; return what is told of it and of the picture."""
    keys = drawn.how.methods
    said: dict[str, Any] = {
        "table": {k: m.table for k, m in zip(keys, found, strict=True) if m.table}
    }
    seen = [(m, how.look) for m, how in zip(found, keys.values(), strict=True) if m.views]
    if not seen:
        return said | {"file": None, "withheld": "what is explained is a table"}
    maps, looks = zip(*seen, strict=True)
    layers = layers_of(drawn.store, maps, drawn.truth.of(maps[0].case, maps[0].label))
    if shy or lettered(layers):
        return said | {"file": None, "withheld": "letters are likely to stand in it"}
    save_jpeg(sheet([tiles_of(layer, looks) for layer in layers]), path)
    return said | {
        "file": path.name,
        "views": [[layer.view, layer.slice, layer.slices] for layer in layers],
        "outlined": any(layer.inside is not None for layer in layers),
    }


def tiles_of(layer: Layer, looks: tuple[str, ...]) -> list[NDArray[np.floating]]:
    """Draw the film of a view, and under the map of each method."""
    tiles = [enlarged(layer.film)]
    tiles += [overlay(layer.film, m, look) for m, look in zip(layer.maps, looks, strict=True)]
    return [outlined(tile, layer.inside) for tile in tiles]


def facts(
    variant: str, described: Description, drawn: Drawn, shows: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return what was explained, without anything of a single case."""
    return {
        "variant": variant,
        "study": described.study.name,
        "run": {"fold": described.fold, "seed": described.seed},
        "methods": {k: m.model_dump(mode="json") for k, m in drawn.how.methods.items()},
        "shown": len(shows),
        "scored": {plan.part.name: len(plan.scored) for plan in drawn.plans},
        "boxes": {name: list(labels) for name, labels in drawn.truth.shown.items()},
    }


def method_of(choice: MethodChoice) -> Method:
    """Check a method's settings."""
    return read_method({"name": choice.name, **choice.settings}, source="params.yaml")


def maps_of(
    read: Read, choice: MethodChoice, *, background: NDArray[np.float32] | None
) -> list[list[CaseMap]]:
    """Draw the maps of one method, part by part; a table is counted against the background."""
    method, seed = method_of(choice), read.how.gallery.seed
    found = []
    for plan in read.plans:
        material, wanted = asked_of(read, choice, plan, background)
        found.append(explain([read.member], material, how=method, labels=wanted, seed=seed))
    return found


def asked_of(
    read: Read, choice: MethodChoice, plan: PartPlan, background: NDArray[np.float32] | None
) -> tuple[Material, list[list[int]]]:
    """Return the cases of a part that a method explains, and of each the labels."""
    labels = plan.labels(scored=choice.scored)
    cases = plan.part.cases.take(np.array(list(labels), dtype=np.int64))
    return Material.of(read.store, cases, background), list(labels.values())


def redrawn(read: Read, choice: MethodChoice, maps: list[list[CaseMap]]) -> dict[str, float]:
    """Tell how alike maps of another seed are to those shown, of a method that was not checked.

    Empty of one that does not draw.
    """
    method, seed = method_of(choice), read.how.gallery.seed
    if method.entry.explains is None:
        return {}
    material, wanted = asked_of(read, choice, read.plans[-1], None)
    found = redrawn_alike([read.member], material, maps[-1], how=method, labels=wanted, seed=seed)
    if not found:
        return {}
    return {"median": float(np.median(found)), "least": min(found), "n": len(found)}


if __name__ == "__main__":
    STEP(main)
