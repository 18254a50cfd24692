"""Features of frozen networks: what must be planned for them, and which variants look at them."""

from collections.abc import Collection, Mapping
from pathlib import PurePath

from radpipe.core.declared import ARCHITECTURES
from radpipe.core.errors import ConfigError, near_miss
from radpipe.core.imports import remembering
from radpipe.core.settings import (
    Augmentation,
    Features,
    Localize,
    Plan,
    Study,
    Training,
    Variant,
)
from radpipe.core.settings.features import features_of
from radpipe.core.starting import check_start


def check_features(
    features: Mapping[str, Features],
    studies: Mapping[str, Study],
    localize: Mapping[str, Localize],
    variants: Mapping[str, Variant],
    plan: Plan,
) -> None:
    """Refuse features that no step can make or nobody looks at, and heads that have none.

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
        _check_remote(where, block, studies)
        check_start(where, block, variants, plan)
    folders = [f"{block.study}-{name}" for name, block in features.items()]
    if twice := {folder for folder in folders if folders.count(folder) > 1}:
        raise ValueError(f"features: two blocks come to {min(twice)}; call one otherwise")
    for name, variant in variants.items():
        _check_head(name, variant, features)
    looked_at = {variant.store for variant in variants.values()}
    for name, block in features.items():
        if block.folder(name) not in looked_at:
            raise ValueError(
                f"features.{name}: no variant looks at {block.folder(name)}, and it would be made"
                " all the same; give it a head, a variant with this store, or take the block out"
            )


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


def _check_remote(where: str, block: Features, studies: Mapping[str, Study]) -> None:
    """Refuse features of restricted pixels in another study's folder, which goes elsewhere."""
    shown = block.store.split("/")[1]
    if studies[shown].remote != block.remote:
        raise ValueError(
            f"{where}.store: {block.store} goes to the remote {studies[shown].remote!r} of {shown},"
            f" and what is computed of it would go to {block.remote!r} of {block.study}; put the"
            f" features to the study {shown}, or give both studies one remote"
        )


def _check_head(name: str, variant: Variant, features: Mapping[str, Features]) -> None:
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
    if variant.weights != "weights/random.json":
        # What the frozen network comes from stands for the head (`Params.origins`).
        raise ValueError(
            f"variants.{name}.weights: {variant.weights}, and {variant.store} are features, whose"
            f" heads start from weights/random.json; weights of the frozen network stand in"
            f" features.{named[1]}.weights"
        )


def refuse_pictures(where: str, store: str, train: Training, augment: Augmentation) -> None:
    """Refuse settings of how pictures are learned for a head, which looks at none.

    Parameters
    ----------
    where, store
        The variant's block, for messages, and what it looks at.
    train, augment
        With its preset and overrides.

    Raises
    ------
    ConfigError
        Naming the settings and the way out.

    """
    asked = {
        "train.small_first": bool(train.small_first),
        "augment.slice_step": augment.slice_step > 1,
    }
    if features_of(store) and any(asked.values()):
        named = " and ".join(f"{where}.{name}" for name, is_asked in asked.items() if is_asked)
        raise ConfigError(
            f"{named}: {store} holds features, and a head looks at no pictures. The way out: leave"
            " it out; what changes pictures before features are computed stands in the block of"
            " `features`."
        )


def refuse_memory(
    where: str, model: str, origin: Variant, stores: Collection[str], studies: Mapping[str, Study]
) -> None:
    """Refuse weights that would carry cases of restricted data to the default remote.

    Parameters
    ----------
    where, model
        The variant's block, for messages, and the name of its architecture.
    origin
        The variant, with the pixels that it comes to see (`Params.origins`).
    stores
        Folders that it reads.
    studies
        All studies.

    Raises
    ------
    ConfigError
        Naming the study, its remote and the way out.

    """
    shown = {name for store in stores for name in PurePath(store).parts[1:2]}
    behind = {origin.study, *shown} & studies.keys()
    restricted = sorted(name for name in behind if studies[name].remote is not None)
    if restricted and model in remembering(ARCHITECTURES):
        raise ConfigError(
            f"{where}.model.name: weights of {model!r} hold the features of every case of the train"
            f" part and go to the default remote, and data of {restricted[0]} may only go to"
            f" {studies[restricted[0]].remote!r}. The way out: another head, such as"
            " heads/logistic; or, where the default remote is as closed as that one, remote: null"
            f" in studies.{restricted[0]} and what repeats it"
        )
