"""Features of frozen networks: what must be planned for them, and which variants look at them."""

from collections.abc import Mapping

from radpipe.core.errors import near_miss
from radpipe.core.settings import Features, Localize, Plan, Study, Variant
from radpipe.core.settings.features import features_of
from radpipe.core.starting import check_start


def check_features(
    features: Mapping[str, Features],
    studies: Mapping[str, Study],
    localize: Mapping[str, Localize],
    variants: Mapping[str, Variant],
    plan: Plan,
) -> None:
    """Refuse features that no step can make, and stores of features that no block describes.

    Raises
    ------
    ValueError
        Naming the block, what it asks for and what there is.

    """
    for name, block in features.items():
        where = f"features.{name}"
        if block.study not in studies:
            raise ValueError(
                f"{where}.study: unknown {block.study!r}{near_miss(block.study, studies)}"
                f" Known: {', '.join(sorted(studies))}."
            )
        there = studies[block.study].remote
        if block.remote != there:
            raise ValueError(
                f"{where}.remote must repeat studies.{block.study}.remote (DVC's loop sees only its"
                f" own block): {there!r}, got {block.remote!r}"
            )
        _check_pixels(where, block, studies, localize)
        check_start(where, block, variants, plan)
    folders = [f"{block.study}-{name}" for name, block in features.items()]
    if twice := {folder for folder in folders if folders.count(folder) > 1}:
        raise ValueError(f"features: two blocks come to {min(twice)}; call one otherwise")
    for name, variant in variants.items():
        _check_store(name, variant, features)


def _check_pixels(
    where: str, block: Features, studies: Mapping[str, Study], localize: Mapping[str, Localize]
) -> None:
    pixels = [f"data/{study}/store" for study in studies]
    pixels += [f"data/{study}/crops" for study in localize]
    if block.store not in pixels:
        raise ValueError(
            f"{where}.store: {block.store} is no folder of pixels that a step makes"
            f"{near_miss(block.store, pixels)} There are: {', '.join(pixels)}."
        )


def _check_store(name: str, variant: Variant, features: Mapping[str, Features]) -> None:
    named = features_of(variant.store)
    if named is None:
        return
    folders = {block.folder(each): each for each, block in features.items()}
    if variant.store not in folders:
        raise ValueError(
            f"variants.{name}.store: {variant.store} is made by the step features, and no block of"
            f" `features` describes it{near_miss(variant.store, folders)} There are:"
            f" {', '.join(folders) or 'none'}."
        )
