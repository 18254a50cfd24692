"""Further studies on which a study's variants are judged whole, and what they must agree in."""

from collections.abc import Mapping
from pathlib import PurePath

from radpipe.core.errors import near_miss
from radpipe.core.settings import Localize, Plan, Study, Variant

# What the crops of two studies must share, so that a network sees the same kind of picture.
CROPPED = ("side", "extent_mm", "extent")


def judged_on(cohort: str, plan: Plan, variants: Mapping[str, Variant]) -> list[str]:
    """Return the variants that are judged on a cohort: all of its home study, as planned."""
    home = plan.cohorts[cohort]
    return [name for name in plan.variants if variants[name].study == home]


def check_cohorts(
    studies: Mapping[str, Study],
    localize: Mapping[str, Localize],
    variants: Mapping[str, Variant],
    plan: Plan,
) -> None:
    """Refuse cohorts on which a study's variants cannot be judged.

    Raises
    ------
    ValueError
        Naming the cohort, what it has, and what its home study has.

    """
    for cohort, home in plan.cohorts.items():
        where = f"plan.cohorts.{cohort}"
        _check_names(where, cohort, home, studies)
        _check_question(where, cohort, home, studies)
        names = judged_on(cohort, plan, variants)
        if not names:
            raise ValueError(
                f"{where}: {home} has no variant that could be judged; name a study of one in"
                " variants, or take the cohort out"
            )
        for name in names:
            _check_pixels(where, cohort, name, variants[name], localize)


def _check_names(where: str, cohort: str, home: str, studies: Mapping[str, Study]) -> None:
    for name in (cohort, home):
        if name not in studies:
            raise ValueError(
                f"{where}: unknown study {name!r}{near_miss(name, studies)}"
                f" Known: {', '.join(sorted(studies))}."
            )
    if cohort == home:
        raise ValueError(
            f"{where}: a study cannot be its own cohort; its own test part is opened by"
            " plan.open_test"
        )


def _check_question(where: str, cohort: str, home: str, studies: Mapping[str, Study]) -> None:
    """Refuse another question, or pictures that were stored in another way."""
    for block, why in (
        ("target", "the variants answer the question of their home study only"),
        ("image", "the variants know pictures of this form only"),
    ):
        theirs = getattr(studies[cohort], block).model_dump(mode="json")
        ours = getattr(studies[home], block).model_dump(mode="json")
        for key in ours:
            if ours[key] != theirs[key]:
                raise ValueError(
                    f"{where}: studies.{cohort}.{block}.{key} must be that of {home}, because"
                    f" {why}: {ours[key]!r}, got {theirs[key]!r}"
                )


def _check_pixels(
    where: str, cohort: str, name: str, variant: Variant, localize: Mapping[str, Localize]
) -> None:
    """Refuse a variant whose kind of pixels the cohort does not have."""
    if PurePath(variant.store).name not in ("store", "crops"):
        raise ValueError(
            f"{where}: {name} was trained on {variant.store}, and a cohort has only"
            f" data/{cohort}/store and data/{cohort}/crops. The way out: judge networks that look"
            " at pixels, or ask `radpipe predict` about the cohort's files"
        )
    if variant.localized is None:
        return
    if cohort not in localize:
        raise ValueError(
            f"{where}: {name} was trained on crops ({variant.store}), so {cohort} needs a block in"
            f" localize, too; localize has: {', '.join(localize) or 'none'}"
        )
    ours, theirs = localize[variant.localized], localize[cohort]
    for key in CROPPED:
        if getattr(ours, key) != getattr(theirs, key):
            raise ValueError(
                f"{where}: localize.{cohort}.{key} must be that of localize.{variant.localized},"
                f" on whose crops {name} was trained: {getattr(ours, key)!r}, got"
                f" {getattr(theirs, key)!r}"
            )
