"""What in the block `explain` cannot work, found before the step: methods, layers, cases, boxes."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from radpipe.core.errors import ConfigError, DataError, RadpipeError, StaleError
from radpipe.core.explained import resolved
from radpipe.core.hashes import Hashes
from radpipe.core.params import Params
from radpipe.core.receipts import read_receipt
from radpipe.core.recipe import read_recipe
from radpipe.core.settings import Explain
from radpipe.core.tables import read_table

if TYPE_CHECKING:
    from radpipe.explaining.methods import Method
    from radpipe.explaining.subject import Member
    from radpipe.learning.data.cases import Batch


def mistakes_in_explain(params: Params) -> Iterator[str]:
    """Yield what cannot work, each with its place.

    Layers, boxes and names of cases are looked at as far as the steps before have run.
    """
    for name, block in params.explain.items():
        try:
            spelled_out = resolved(name, block)
        except ConfigError as error:
            yield str(error)
            continue
        if not _ran(name, spelled_out, params):
            yield from _of_methods(name, spelled_out, params)
        yield from _of_boxes(name, block, params)
        yield from _of_cases(name, block, params)


def _ran(name: str, block: Explain, params: Params) -> bool:
    """Tell whether the step has run with this block and network: then its methods fit.

    Loading torch only to say so would make `radpipe check` take several times as long.
    """
    try:
        receipt = read_receipt(Path(f"results/receipts/explain/{name}.json"))
    except (StaleError, OSError):
        return False
    recipe = _run_of(name, params) / "recipe.json"
    return (
        receipt.settings.get(f"explained.{name}") == block.model_dump(mode="json")
        and recipe.is_file()
        and receipt.inputs.get(str(recipe)) == Hashes().of(recipe)
    )


def _run_of(name: str, params: Params) -> Path:
    return Path(f"results/runs/{name}/fold-{params.plan.folds[0]}-seed-{params.plan.seeds[0]}")


def _of_methods(name: str, block: Explain, params: Params) -> Iterator[str]:
    # Commands that only look at receipts are not to wait for torch.
    from radpipe.explaining.methods import read_method

    network = _trained(name, params)
    for key, choice in block.methods.items():
        where = f"explain.{name}.methods.{key}"
        try:
            given = {"name": choice.name, **choice.settings}
            method = read_method(given, where=where, source="params.yaml")
        except ConfigError as error:
            # A method that does not exist is told without its place.
            yield str(error) if where in str(error) else f"params.yaml: {where}: {error}"
            continue
        try:
            if network is not None:
                _check_fits(method, *network)
        except ConfigError as error:
            yield f"params.yaml: {where}: {error}"


def _check_fits(method: "Method", member: "Member", batch: "Batch") -> None:
    """Refuse a method that a network has nothing for, and a layer that it does not have."""
    from radpipe.explaining.layers import choose_layers
    from radpipe.explaining.subject import check_fits

    pixels = method.entry.explains is not None
    check_fits(member, pixels=pixels, method=method.name, gradients=method.entry.gradients)
    if layer := getattr(method.settings, "layer", None):
        choose_layers(member, batch, layer)


def _trained(name: str, params: Params) -> "tuple[Member, Batch] | None":
    """Open the run that is to be explained, and one case; None where it is not there as planned."""
    from radpipe.explaining.subject import Member
    from radpipe.imaging.store import Store
    from radpipe.learning.data.cases import gather, read_part
    from radpipe.learning.networks.network import load_network
    from radpipe.prediction.predictor import CPU

    fold, run = params.plan.folds[0], _run_of(name, params)
    split = Path(f"data/{params.variants[name].study}/split.parquet")
    try:
        recipe, store = read_recipe(run / "recipe.json"), Store(Path(params.variants[name].store))
        network = load_network(run / "weights.safetensors", recipe, store)
        found = read_part(split, store, recipe.target, part="tune", fold=fold, model=recipe.model)
    except (RadpipeError, OSError):
        return None  # not made yet, or of other settings: the step says so
    one = found.take(np.arange(1))
    return Member(network, recipe), gather(store, one.rows, CPU, one.entries)


def _of_boxes(name: str, block: Explain, params: Params) -> Iterator[str]:
    from radpipe.explaining.truth import shown_by

    path = Path(f"data/{block.study}/boxes.parquet")
    if not path.exists():
        return
    try:
        shown_by(params.studies[block.study].target, read_table(path), block.boxes)
    except DataError as error:
        yield f"params.yaml: explain.{name}.{error}"


def _of_cases(name: str, block: Explain, params: Params) -> Iterator[str]:
    """Yield which named cases are in no part that may be looked at, by their place in the list."""
    path = Path(f"data/{block.study}/split.parquet")
    if not block.gallery.named or not path.exists():
        return
    columns = (read_table(path)[column].to_pylist() for column in ("case", "part", "fold"))
    opened, fold = params.opens(block.study), params.plan.folds[0]
    known = {
        case
        for case, part, own in zip(*columns, strict=True)
        if (part == "test" and opened) or (part != "test" and own == fold)
    }
    parts = "tune or test" if opened else "tune; test is not opened"
    for number, case in enumerate(block.gallery.named, start=1):
        if case not in known:
            yield (
                f"params.yaml: explain.{name}.gallery.named: number {number} is no case of {parts}."
                f" The way out: cases that {path} has in these parts"
            )
