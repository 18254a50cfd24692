"""Which variants can be explained, and what the methods of explanation that they name come to."""

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from radpipe.core.checking import check
from radpipe.core.errors import ConfigError, near_miss
from radpipe.core.presets import find_block, merge
from radpipe.core.settings import Plan, Study, Target, Variant
from radpipe.core.settings.explain import Explain, MethodChoice
from radpipe.core.settings.features import features_of

T = TypeVar("T")
# Below the folder of presets.
EXPLANATIONS = "explanations"


def check_explain(
    explain: Mapping[str, Explain],
    studies: Mapping[str, Study],
    variants: Mapping[str, Variant],
    plan: Plan,
) -> None:
    """Refuse explanations of what is not planned, or of what the study does not ask.

    Raises
    ------
    ValueError
        Naming the block, what it has, and what is allowed.

    """
    for name, block in explain.items():
        _check_variant(f"explain.{name}", name, variants, plan)
        _check_repeated(f"explain.{name}", block, variants[name], studies)
        _check_labels(f"explain.{name}", block, studies[block.study].target)


def _check_variant(where: str, name: str, variants: Mapping[str, Variant], plan: Plan) -> None:
    if name in plan.ensembles:
        members = ", ".join(plan.ensembles[name].members)
        raise ValueError(
            f"{where}: an ensemble has no network of its own; explain its members ({members}), one"
            " by one"
        )
    if name not in variants:
        raise ValueError(
            f"{where}: unknown variant {name!r}{near_miss(name, variants)}"
            f" Known: {', '.join(sorted(variants))}."
        )
    if name not in plan.variants:
        raise ValueError(f"{where}: not planned; add it to plan.variants, or take the block out")
    if features_of(variants[name].store):
        raise ValueError(
            f"{where}: a head of frozen features sees no pixels, so that no map can be drawn;"
            " explain a variant that looks at pictures or a table"
        )


def _check_repeated(
    where: str, block: Explain, variant: Variant, studies: Mapping[str, Study]
) -> None:
    if block.study != variant.study:
        raise ValueError(
            f"{where}.study must repeat the variant's (DVC's loop sees only its own block):"
            f" {variant.study!r}, got {block.study!r}"
        )
    there = studies[block.study].remote
    if block.remote != there:
        raise ValueError(
            f"{where}.remote must repeat studies.{block.study}.remote (DVC's loop sees only its own"
            f" block): {there!r}, got {block.remote!r}"
        )


def _check_labels(where: str, block: Explain, target: Target) -> None:
    # Of two classes the second is what is asked about.
    known = target.classes[1:] if target.kind == "binary" else target.classes
    places = {
        "labels": block.labels,
        "gallery.labels": block.gallery.labels,
        "boxes": block.boxes,
        "shortcuts": block.shortcuts,
    }
    for place, names in places.items():
        for name in names:
            if name not in known:
                raise ValueError(
                    f"{where}.{place}: unknown {name!r}{near_miss(name, known)} The study asks"
                    f" about: {', '.join(known)}."
                )
    if other := [
        name for name in block.gallery.labels if block.labels and name not in block.labels
    ]:
        raise ValueError(
            f"{where}.gallery.labels: {other[0]!r} is not among {where}.labels, which are explained"
        )


def resolved(name: str, block: Explain, root: Path = Path("presets")) -> Explain:
    """Return a block whose methods are spelled out: published forms are laid below them.

    Raises
    ------
    ConfigError
        There is no such form.

    """
    methods = {
        key: _spelled_out(method, f"explain.{name}.methods.{key}", root)
        for key, method in block.methods.items()
    }
    return block.model_copy(update={"methods": methods})


class Resolved(Mapping[str, T]):
    """Blocks by name, each resolved when it is asked for.

    A published form that does not exist so stops what asks for its block, and no other step.

    Parameters
    ----------
    names
        Of the blocks.
    resolve
        From a name to its block.

    """

    def __init__(self, names: Collection[str], resolve: Callable[[str], T]) -> None:
        self._names, self._resolve = names, resolve
        self._found: dict[str, T] = {}

    def __getitem__(self, name: str) -> T:
        if name not in self._names:
            raise KeyError(name)
        if name not in self._found:
            self._found[name] = self._resolve(name)
        return self._found[name]

    def __contains__(self, name: object) -> bool:
        """Tell whether there is such a block, without resolving it."""
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _spelled_out(method: MethodChoice, where: str, root: Path) -> MethodChoice:
    if method.preset is None:
        return method
    found = dict(find_block(method.preset, where=where, root=root / EXPLANATIONS))
    found.pop("source", None)
    over = method.model_dump(exclude_unset=True, exclude={"preset"})
    merged = {**merge(found, over), "preset": method.preset}
    spelled = check(
        MethodChoice, merged, where=where, source=f"presets/{EXPLANATIONS} with overrides"
    )
    if spelled.name is None:
        raise ConfigError(f"{where}.preset: {method.preset} names no method; a form has a name")
    return spelled
