"""Ensembles: means of several variants of a study, and which of them can be planned."""

from collections.abc import Mapping

from radpipe.core.errors import ConfigError, near_miss
from radpipe.core.settings import Plan, Variant


def study_of(ensemble: str, plan: Plan, variants: Mapping[str, Variant]) -> str:
    """Return the study that an ensemble's members share."""
    return variants[plan.ensembles[ensemble].members[0]].study


def ensembles_of(study: str, plan: Plan, variants: Mapping[str, Variant]) -> list[str]:
    """Return the planned ensembles of a study."""
    return [name for name in plan.ensembles if study_of(name, plan, variants) == study]


def check_ensembles(variants: Mapping[str, Variant], plan: Plan) -> None:
    """Refuse ensembles whose members are not planned, or do not answer the same question.

    Raises
    ------
    ValueError
        Naming the ensemble, what it has, and what is allowed.

    """
    for name, ensemble in plan.ensembles.items():
        where, members = f"plan.ensembles.{name}", ensemble.members
        if name in variants:
            raise ValueError(f"{where}: a variant has this name already; call the ensemble another")
        if twice := sorted({one for one in members if members.count(one) > 1}):
            raise ValueError(f"{where}.members: {', '.join(twice)} stands there twice")
        for member in members:
            _check_member(f"{where}.members", member, variants, plan)
        if len({variants[member].study for member in members}) > 1:
            told = ", ".join(f"{member} of {variants[member].study}" for member in members)
            raise ValueError(f"{where}.members: must be of one study, and are {told}")


def _check_member(where: str, member: str, variants: Mapping[str, Variant], plan: Plan) -> None:
    if member in plan.ensembles:
        raise ValueError(
            f"{where}: {member} is an ensemble itself; name the variants that it is made of"
        )
    if member not in variants:
        raise ValueError(
            f"{where}: unknown variant {member!r}{near_miss(member, variants)}"
            f" Known: {', '.join(sorted(variants))}."
        )
    if member not in plan.variants:
        raise ValueError(
            f"{where}: {member} is not planned; add it to plan.variants, or take it out here"
        )


def refuse_ensemble(name: str, plan: Plan) -> None:
    """Refuse the name of an ensemble where a network of its own is needed.

    Parameters
    ----------
    name
        Of a variant or an ensemble.
    plan
        Knows which it is.

    Raises
    ------
    ConfigError
        It is an ensemble; the message names its members.

    """
    if name in plan.ensembles:
        members = ", ".join(plan.ensembles[name].members)
        raise ConfigError(
            f"{name} is an ensemble: the mean of what {members} say."
            " It has no network, no weights and no training of its own. The way out: name its"
            " members, one by one."
        )
