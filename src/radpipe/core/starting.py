"""Starting weights that are another run's: their name, and what must be planned for them."""

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import NamedTuple

from radpipe.core.errors import near_miss
from radpipe.core.settings import Plan, Starting, Variant
from radpipe.core.settings.plan import borrowed_name

PATTERN = re.compile(
    r"results/runs/(?P<variant>[^/]+)/fold-(?P<fold>0|[1-9]\d*)-seed-(?P<seed>0|[1-9]\d*)"
    r"/weights\.safetensors"
)


class Start(NamedTuple):
    """The run whose weights another one starts from."""

    variant: str
    fold: int
    seed: int

    @property
    def run(self) -> str:
        """How the run is named by the step `train`."""
        return f"{self.variant}-fold-{self.fold}-seed-{self.seed}"


def start_of(weights: str) -> Start | None:
    """Return the run whose weights a path names; None for a file that no run of ours makes."""
    found = PATTERN.fullmatch(weights)
    return Start(found["variant"], int(found["fold"]), int(found["seed"])) if found else None


def ancestors(name: str, variants: Mapping[str, Variant]) -> Iterator[str]:
    """Yield the variants that a variant starts from, the nearest first; ends if one comes twice."""
    seen = {name}
    start = start_of(variants[name].weights)
    while start and start.variant in variants:
        yield start.variant
        if start.variant in seen:
            return
        seen.add(start.variant)
        start = start_of(variants[start.variant].weights)


def check_starts(variants: Mapping[str, Variant], plan: Plan) -> None:
    """Refuse starting weights that no planned run makes, or that cannot be started from.

    Raises
    ------
    ValueError
        Naming the variant, what it asks for and what is planned.

    """
    for name, variant in variants.items():
        where = f"variants.{name}"
        _check_further(name, variant)
        start = check_start(where, variant, variants, plan)
        if start is None:
            continue
        if name in (chain := list(ancestors(name, variants))):
            raise ValueError(
                f"{where}.weights: starts from its own weights, {' <- '.join([name, *chain])};"
                " one of them has to start from weights/random.json"
            )
        others = [fold for fold in plan.folds if fold != start.fold]
        if others and variants[start.variant].study == variant.study:
            raise ValueError(
                f"{where}.weights: {start.variant} learned in fold {start.fold} from the tune"
                f" patients of fold {others[0]}, so {name} can be trained in fold {start.fold}"
                f" only; set plan.folds to [{start.fold}], or start from another study's run"
            )


def _check_further(name: str, variant: Variant) -> None:
    where = f"variants.{name}.further_weights"
    if variant.further_weights and variant.borrowed is None:
        raise ValueError(
            f"{where}: stands beside weights that others learned, and weights is {variant.weights};"
            " name one of them there"
        )
    names = [borrowed_name(each) for each in variant.further_weights]
    if None in names:
        raise ValueError(
            f"{where}: {variant.further_weights[names.index(None)]} is not weights/<name>.json of"
            " what others learned; a run can be started from by weights alone"
        )
    if twice := {each for each in variant.all_borrowed if variant.all_borrowed.count(each) > 1}:
        raise ValueError(f"{where}: {', '.join(sorted(twice))} is named twice")


def check_start(
    where: str, block: Starting, variants: Mapping[str, Variant], plan: Plan
) -> Start | None:
    """Refuse the weights of a block that nothing makes; return the run that does, if one does.

    Parameters
    ----------
    where
        Name of the block in `params.yaml`, for messages.
    block, variants, plan
        What starts, and what there is.

    Raises
    ------
    ValueError
        Naming the block, what it asks for and what is planned.

    """
    for place, borrowed in block.places_of_borrowed:
        if borrowed not in plan.starts:
            raise ValueError(
                f"{where}.{place}: weights/{borrowed}.json is fetched by the step weights, which"
                f" plan.starts does not name; add {borrowed} to plan.starts, which is {plan.starts}"
            )
    where, weights = f"{where}.weights", block.weights
    start = start_of(weights)
    if start is not None:
        _check_planned(where, start, variants, plan)
    elif PurePath(weights).parts[:1] == ("results",):
        raise ValueError(
            f"{where}: {weights} is not the name of a run's weights, which is"
            " results/runs/<variant>/fold-<f>-seed-<s>/weights.safetensors"
        )
    return start


def _check_planned(where: str, start: Start, variants: Mapping[str, Variant], plan: Plan) -> None:
    if start.variant not in variants:
        raise ValueError(
            f"{where}: unknown variant {start.variant!r}{near_miss(start.variant, variants)}"
            f" Known: {', '.join(sorted(variants))}."
        )
    if start.variant not in plan.variants:
        raise ValueError(
            f"{where}: {start.variant} is not planned; add it to plan.variants, or take out the"
            " variants that start from it (DVC needs the recipes of all that stand there)"
        )
    for kind, asked, planned in (
        ("fold", start.fold, plan.folds),
        ("seed", start.seed, plan.seeds),
    ):
        if asked not in planned:
            raise ValueError(
                f"{where}: {kind} {asked} of {start.variant} is not planned, plan.{kind}s is"
                f" {planned}; start from one of these, or plan it"
            )
