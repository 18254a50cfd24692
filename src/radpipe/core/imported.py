"""Imported predictions: which of them can be planned, and for which study."""

from collections.abc import Mapping
from typing import Any

from radpipe.core.errors import ConfigError, near_miss
from radpipe.core.settings import Imported, Plan, Study, Target

ONE_OF_SEVERAL = ("multi-class", "ordinal")


def imports_of(study: str, plan: Plan) -> list[str]:
    """Return the planned imported predictions of a study."""
    return [name for name, block in plan.imported.items() if block.study == study]


def check_imported(studies: Mapping[str, Study], variants: Mapping[str, Any], plan: Plan) -> None:
    """Refuse imported predictions that nothing could be compared with, or that say nothing.

    Raises
    ------
    ValueError
        Naming the block, what it has, and what is allowed.

    """
    for name, block in plan.imported.items():
        where = f"plan.imported.{name}"
        if name in variants or name in plan.ensembles:
            raise ValueError(f"{where}: a variant or ensemble has this name; call it another")
        _check_study(where, block, studies, plan)
        _check_form(where, block, studies[block.study].target)
        _check_maker(where, name, plan)


def _check_study(where: str, block: Imported, studies: Mapping[str, Study], plan: Plan) -> None:
    if block.study not in studies:
        raise ValueError(
            f"{where}.study: unknown {block.study!r}{near_miss(block.study, studies)}"
            f" Known: {', '.join(sorted(studies))}."
        )
    if block.study in plan.cohorts:
        raise ValueError(
            f"{where}.study: {block.study} is a cohort, on which only the variants of"
            f" {plan.cohorts[block.study]} are judged. The way out: take it out of plan.cohorts, or"
            " name a study with parts of its own"
        )


def _check_form(where: str, block: Imported, target: Target) -> None:
    if target.kind in ONE_OF_SEVERAL and block.form == "ratings":
        raise ValueError(
            f"{where}.form: ratings rank the cases of a yes-or-no question, and {block.study} asks"
            " for one of several classes. The way out: form: decisions, with the class that was"
            " chosen"
        )
    if target.kind in ONE_OF_SEVERAL and block.positive_from is not None:
        raise ValueError(
            f"{where}.positive_from: of several classes the most probable one is decided for; take"
            " it out"
        )
    known = ["case", "decision", *target.classes]
    if odd := [key for key in block.columns if key not in known]:
        raise ValueError(
            f"{where}.columns: unknown {odd[0]!r}{near_miss(odd[0], known)} Known:"
            f" {', '.join(known)}."
        )


def _check_maker(where: str, name: str, plan: Plan) -> None:
    """Refuse a reader who stands twice in a modality, which an analysis could not tell apart."""
    own = plan.imported[name]
    same = (other for other, each in plan.imported.items() if other != name and _alike(each, own))
    if own.by.kind == "reader" and (other := next(same, None)):
        raise ValueError(
            f"{where}.by: {other} is by the same reader in the same modality. The way out: another"
            " name, or another modality, for one of the two"
        )


def _alike(one: Imported, other: Imported) -> bool:
    return (one.study, one.by) == (other.study, other.by)


def refuse_imported(name: str, plan: Plan) -> None:
    """Refuse the name of imported predictions where a network is needed.

    Raises
    ------
    ConfigError
        They are imported: there is no network.

    """
    if name in plan.imported:
        raise ConfigError(
            f"{name} are imported predictions, from {plan.imported[name].predictions}: there is no"
            " network, no weights and no training of them."
        )
