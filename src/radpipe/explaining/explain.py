"""One door to all methods: cases in, a map or contributions for each answer out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from radpipe.core.errors import ConfigError
from radpipe.explaining.methods import Method
from radpipe.explaining.shares import contributions
from radpipe.explaining.subject import Asked, Drawn, Material, Member, check_fits
from radpipe.learning.networks.inference import BATCH
from radpipe.learning.training.run import arithmetic


@dataclass(frozen=True)
class CaseMap:
    """What one method says of one answer of one case.

    Attributes
    ----------
    case
        Its name.
    label
        Number of the question, see `evaluation.sample.column_names`.
    views
        View to float32 (slices, side, side), in the form of the stored square; views that the case
        lacks are left out; empty for tables. Not scaled.
    table
        Covariate to its contribution, in the unit of the answer; empty for pictures.
    signed
        Negative values speak against the answer.
    probability
        Of the label, before the temperature, where the method's own pass says it: of methods that
        take gradients of the case as it is; else NaN. Its last bits may differ from those of
        `predictions.parquet`, because passes are others.

    """

    case: str
    label: int
    views: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    table: dict[str, float] = field(default_factory=dict)
    signed: bool = False
    probability: float = float("nan")


def explain(
    members: Sequence[Member],
    material: Material,
    *,
    how: Method,
    labels: Sequence[Sequence[int]],
    seed: int = 0,
    told: Callable[[int], object] | None = None,
) -> list[CaseMap]:
    """Explain answers.

    Parameters
    ----------
    members
        One network, or those of an ensemble, of which the mean is returned. They look at the same
        store.
    material
        The cases.
    how
        Method and settings, from `read_method`.
    labels
        For each case the numbers of the questions that are explained.
    seed
        Of what methods draw. Of each case it is combined with the case's name.
    told
        Called with the number of cases that are done, batch by batch, member by member.

    Returns
    -------
    list of CaseMap
        Case by case, label by label. The same bytes each time on one kind of processor, whatever
        cases are explained together.

    Raises
    ------
    ConfigError
        The method does not fit the model, a layer does not exist, or a label is out of range.

    """
    _check(members, material, how, labels)
    found = [
        _explain_one(member, material, how, labels, seed, told or (lambda _: None))
        for member in members
    ]
    return found[0] if len(found) == 1 else mean_of(found)


def mean_of(found: Sequence[Sequence[CaseMap]]) -> list[CaseMap]:
    """Return the means of what several members say of the same answers, in the same order.

    Raises
    ------
    ConfigError
        They are of other answers, or of squares of another form.

    """
    return [_mean(list(same)) for same in zip(*found, strict=True)]


def _mean(same: list[CaseMap]) -> CaseMap:
    first = same[0]
    forms = {(m.case, m.label, tuple((v, x.shape) for v, x in m.views.items())) for m in same}
    if len(forms) > 1 or len({tuple(m.table) for m in same}) > 1:
        raise ConfigError(
            f"the maps of {len(same)} members are not of the same answers and squares, so they have"
            " no mean; explain the members one by one."
        )
    views = {
        view: np.stack([m.views[view] for m in same]).mean(0, np.float64).astype(np.float32)
        for view in first.views
    }
    table = {name: float(np.mean([m.table[name] for m in same])) for name in first.table}
    share = float(np.mean([m.probability for m in same]))
    return CaseMap(first.case, first.label, views, table, first.signed, share)


def _check(
    members: Sequence[Member], material: Material, how: Method, labels: Sequence[Sequence[int]]
) -> None:
    if len(labels) != len(material):
        raise ConfigError(
            f"labels are given for {len(labels)} cases, and there are {len(material)}"
        )
    for member in members:
        entry = how.entry
        check_fits(
            member,
            pixels=entry.explains is not None,
            method=how.name,
            gradients=entry.gradients,
        )
        if entry.explains is None and material.background is None:
            raise ConfigError(
                f"{how.name} counts against cases of the train part; give their covariates along"
                " (background)."
            )
        known = member.questions
        for asked in labels:
            for label in asked:
                if not 0 <= label < len(known):
                    said = ", ".join(f"{k} {name}" for k, name in enumerate(known))
                    raise ConfigError(
                        f"label {label} of {member.what.variant}: there is none; its labels are"
                        f" {said}."
                    )


def _explain_one(
    member: Member,
    material: Material,
    how: Method,
    labels: Sequence[Sequence[int]],
    seed: int,
    told: Callable[[int], object],
) -> list[CaseMap]:
    asked = [
        Asked(tuple(own), seed_of(seed, name))
        for own, name in zip(labels, material.names, strict=True)
    ]
    which = [number for number, each in enumerate(asked) if each.labels]
    size = 1 if how.entry.alone or member.exams else getattr(how.settings, "batch", BATCH)
    found: list[CaseMap] = []
    with arithmetic(member.what.train):
        for start in range(0, len(which), size):
            some = which[start : start + size]
            drawn = _maps(member, material, how, asked, some, size)
            for number, one in zip(some, drawn, strict=True):
                tables = _tables(member, material, how, asked[number], number)
                found += _case_maps(material, number, asked[number], one, tables, how)
            told(len(some))
    return found


def _maps(
    member: Member,
    material: Material,
    how: Method,
    asked: list[Asked],
    some: list[int],
    size: int,
) -> list[Drawn]:
    """Explain some cases in a batch that is filled up with the first of them."""
    if how.entry.explains is None:
        return [Drawn([() for _ in asked[number].labels]) for number in some]
    padded = some + some[:1] * (size - len(some))
    batch = material.batch(member, padded)
    more = [Asked(asked[number].labels[:1], 0) for number in padded[len(some) :]]
    drawn = how.entry.explains(how.settings, member, batch, [asked[n] for n in some] + more)
    return drawn[: len(some)]


def _tables(
    member: Member, material: Material, how: Method, asked: Asked, number: int
) -> list[dict[str, float]]:
    """Return the contributions of a case's covariates to each of its labels, if there are any."""
    counted = how.shares
    if counted is None or not member.covariates or material.background is None:
        return [{} for _ in asked.labels]
    shares, of = counted
    one = material.batch(member, [number])
    found = contributions(member, one, material.background, shares, of=of, seed=asked.seed)
    return [dict(zip(member.covariates, found[:, k].tolist(), strict=True)) for k in asked.labels]


def _case_maps(
    material: Material,
    number: int,
    asked: Asked,
    drawn: Drawn,
    tables: list[dict[str, float]],
    how: Method,
) -> list[CaseMap]:
    found = []
    for label, views, table in zip(asked.labels, drawn.maps, tables, strict=True):
        named = zip(material.store.views, views, strict=False)  # of a table there are none
        there = {name: view.cpu().numpy() for name, view in named if len(view)}
        share = float("nan") if drawn.shares is None else float(drawn.shares[label])
        found.append(CaseMap(material.names[number], label, there, table, how.signed, share))
    return found


def seed_of(seed: int, case: str) -> int:
    """Return the seed of a case, 0 to 2^63 - 1, whatever cases stand beside it."""
    digest = sha256(f"{seed}\n{case}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
