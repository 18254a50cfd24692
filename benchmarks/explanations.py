"""How true are maps? Every method on a trained variant of a phantom, beside the references.

Takes a project in which a variant was trained and predicted, and writes `measures.parquet` and the
tables of step `judge`, for as many cases as asked. With `--cohort`, maps of another study's films
are measured, too: how much of the evidence lies on a device at home and there.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from radpipe.core.params import load_params
from radpipe.core.recipe import read_recipe
from radpipe.core.settings import Explain
from radpipe.core.tables import read_table, write_table
from radpipe.explaining.explain import explain
from radpipe.explaining.ideal import IdealObserver, signals_of
from radpipe.explaining.measures import area, energy_inside, joined
from radpipe.explaining.methods import read_method
from radpipe.explaining.parts import point_of, read_parts
from radpipe.explaining.plan import plan_parts
from radpipe.explaining.scoring import Scoring, scored_ideal, scored_method
from radpipe.explaining.subject import Material, Member
from radpipe.explaining.table import measures_table
from radpipe.explaining.truth import located, shown_by, truth_of
from radpipe.imaging.store import Store
from radpipe.learning.data.cases import read_all
from radpipe.learning.networks.network import read_network, shape_of
from radpipe.learning.training.run import set_up
from radpipe.prediction.description import read_description

BOXES = {
    "bones": {
        "fractured": ["fracture", "shatter"],
        "beyond_repair": ["fracture", "shatter"],
    },
    "knee_mri": {"abnormal": ["acl", "meniscus", "effusion"]},
}
METHODS = {
    "grad-cam": {"name": "grad-cam"},
    "saliency": {"name": "saliency"},
    "integrated-gradients": {"name": "integrated-gradients", "steps": 20},
    "occlusion": {"name": "occlusion"},
    "lime": {"name": "lime", "samples": 200},
}


def main() -> None:
    """Explain, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("project", type=Path)
    parser.add_argument("variant")
    parser.add_argument("out", type=Path)
    parser.add_argument("--cases", type=int, default=60)
    parser.add_argument("--checked", type=int, default=12)
    parser.add_argument("--methods", nargs="*", default=list(METHODS))
    parser.add_argument("--cohort", help="a further study, on whose films a device is looked for")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    run = args.project / f"results/runs/{args.variant}/fold-0-seed-0"
    recipe = read_recipe(run / "recipe.json")
    data = args.project / "data" / recipe.study
    store = Store(args.project / recipe.store.path)
    device = set_up(recipe.train)
    network = read_network(run / "weights.safetensors", recipe, shape_of(store, recipe))
    member = Member(network.to(device), recipe)
    if args.cohort:
        on_device(args, member, recipe)
        return
    block = {
        "study": recipe.study,
        "remote": None,
        "methods": {key: METHODS[key] for key in args.methods},
        "gallery": {"confident": 0, "nearest": 0, "random": 0},
        "scored": args.cases,
        "boxes": BOXES.get(recipe.study, {}),
        "checks": {"cases": args.checked},
        "shortcuts": ["support_devices"] if recipe.study == "chest" else [],
    }
    how = Explain.model_validate(block)
    described = read_description(run)
    parts = read_parts(
        recipe,
        point_of(described),
        read_table(run / "predictions.parquet"),
        store,
        data / "split.parquet",
        names=["tune", "test"],
        fold=0,
    )
    boxes = read_table(data / "boxes.parquet")
    shown = shown_by(recipe.target, boxes, how.boxes)
    plans = plan_parts(recipe.target, parts, how, located(boxes, shown, recipe.target))
    cases = {name for plan in plans for name in plan.names}
    truth = truth_of(boxes, store, recipe.image, recipe.target, shown=shown, cases=cases)
    signals = signals_of(
        recipe.study, load_params(args.project / "params.yaml").studies[recipe.study]
    )
    ideal = None if signals is None else IdealObserver(signals, store, recipe.image)
    scoring = Scoring(args.variant, how, member, store, plans, truth, ideal)
    rows, told, maps = [], {}, {}
    for key in args.methods:
        started = time.monotonic()
        method = read_method(METHODS[key])
        maps[key] = []
        for plan in plans:
            labels = plan.labels(scored=True)
            some = plan.part.cases.take(np.array(list(labels), dtype=np.int64))
            material = Material.of(store, some)
            maps[key].append(
                explain([member], material, how=method, labels=list(labels.values()), seed=1)
            )
        print(key, "explained", round(time.monotonic() - started, 1), "s", flush=True)
        found, told[key] = scored_method(scoring, key, method, maps[key], seed=1)
        rows += found
        print(key, "measured", round(time.monotonic() - started, 1), "s", flush=True)
    rows += scored_ideal(scoring, maps)
    write_table(args.out / "measures.parquet", measures_table(rows))
    facts = {"variant": args.variant, "study": recipe.study, "measured": told}
    (args.out / "facts.json").write_text(json.dumps({**facts, "bound": how.checks.bound}))


def on_device(args: argparse.Namespace, member: Member, recipe: object) -> None:
    """Measure which share of all evidence lies on devices, at home and elsewhere."""
    target = member.what.target
    rows = []
    for study in (recipe.study, args.cohort):
        store = Store(args.project / f"data/{study}/store")
        settings = load_params(args.project / "params.yaml").studies[study]
        ideal = IdealObserver(signals_of(study, settings), store, recipe.image)
        cases = read_all(
            args.project / f"data/{study}/split.parquet", store, target, member.what.model
        )
        table = cases.table
        if study == recipe.study:
            cases = cases.take(np.flatnonzero(np.array(table["part"].to_pylist()) == "test"))
        drawn = np.random.default_rng(1).permutation(len(cases))[: args.cases]
        cases = cases.take(np.sort(drawn))
        names = cases.table["case"].to_pylist()
        patients = cases.table["patient"].to_pylist()
        asked = [target.classes.index(n) for n in ("no_finding", "pleural_effusion", "edema")]
        for key in args.methods:
            method = read_method({**METHODS[key], **SIGNED.get(key, {})})
            found = explain(
                [member], Material.of(store, cases), how=method, labels=[asked] * len(cases), seed=1
            )
            for each in found:
                place = ideal.seen(each.case, "support_devices")
                mask = joined(place)
                number = names.index(each.case)
                device = float(np.array(cases.table["target_support_devices"])[number])
                if not mask.any():
                    continue
                evidence = joined(each.views)
                for sign, values in (("for", evidence), ("against", -evidence)):
                    rows.append(
                        {
                            "study": study,
                            "method": key,
                            "label": target.classes[each.label],
                            "case": each.case,
                            "patient": patients[number],
                            "sign": sign,
                            "device": device,
                            "share": energy_inside(values, mask),
                            "area": area(mask),
                        }
                    )
    write_table(args.out / "device.parquet", pa.Table.from_pylist(rows))


SIGNED = {"grad-cam": {"keep_negative": True}}


if __name__ == "__main__":
    main()
