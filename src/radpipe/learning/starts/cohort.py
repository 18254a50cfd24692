"""A cohort held to what the weights of others, from which runs start, have learned from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from radpipe.core.borrowed import Learned, seen_by_name
from radpipe.core.descriptors import is_one_of
from radpipe.core.errors import ConfigError
from radpipe.learning.starts.seen import cases_on, starts_of, tell_hits
from radpipe.splitting.overlap import Overlap


@dataclass(frozen=True)
class Cohort:
    """A cohort and what its settings say of it.

    Attributes
    ----------
    study
        Its name.
    store, split
        Folder of its pixels, and its `split.parquet`.
    same_names
        Whether its patients' names mean the same persons elsewhere.
    known_as
        Names of the data sets that it may come from.

    """

    study: str
    store: Path
    split: pa.Table
    same_names: bool
    known_as: Sequence[str]


@dataclass(frozen=True)
class Held:
    """What was found.

    Attributes
    ----------
    overlaps
        Cases on lists.
    learned_from
        By start, as `of` has them for the cohort.

    """

    overlaps: list[Overlap]
    learned_from: dict[str, list[dict[str, Any]]]


def hold(cohort: Cohort, weights: Iterable[Path]) -> Held:
    """Hold a cohort to the published lists of what runs have started from.

    Names of patients count only where they mean the same person in both. A list that is passed over
    for that counts as none, so that the name of its data set does.

    Parameters
    ----------
    cohort
        Which is to be judged.
    weights
        Files of weights of the runs.

    Raises
    ------
    StaleError
        A list is not here, or was changed.

    """
    found = Held([], {})
    starts = {(each.start, each.tensors): each for path in weights for each in starts_of(path)}
    for start in starts.values():
        blocks = found.learned_from.setdefault(start.start, [])
        for learned in start.learned_from:
            overlaps, block = _one(cohort, start.start, learned)
            found.overlaps.extend(overlaps)
            blocks.append(block.model_dump(mode="json"))
    return found


def _one(cohort: Cohort, start: str, learned: Learned) -> tuple[list[Overlap], Learned]:
    """Hold a cohort to one data set of a start; return the data set as the cohort sees it."""
    listed = learned.list
    if listed is None or cohort.study in learned.unrelated:
        return [], learned
    if listed.names == "patients" and not cohort.same_names:
        return [], learned.model_copy(update={"list": None})
    short = is_one_of(learned.data_set, cohort.known_as)
    cases = cases_on(listed, cohort.store, cohort.split, start, short=short)
    tell_hits(start, learned, len(cases), cohort.split, cohort.study)
    where = f"{learned.data_set}, by the list of {start}"
    overlaps = [
        Overlap(case=case, study=where, role="learned", kind="listed") for case in sorted(cases)
    ]
    return overlaps, learned.model_copy(update={"hits": len(cases)})


def seen_names(
    starts: Iterable[Mapping[str, Any]], held: Held, known_as: Sequence[str]
) -> list[str]:
    """Return the data sets that a variant's starts have learned from and a cohort may come from.

    Parameters
    ----------
    starts
        Blocks `borrowed` of its `metrics.json`.
    held, known_as
        Of the cohort.

    """
    blocks = (each for start in starts for each in held.learned_from.get(start["start"], ()))
    return seen_by_name(blocks, known_as)


def refuse_seen(held: Held, cohort: Cohort) -> None:
    """Refuse a cohort that may come from what a start has learned from.

    Raises
    ------
    ConfigError
        Naming cohort, start, data set and the way out.

    """
    for start, blocks in held.learned_from.items():
        if seen := seen_by_name(blocks, cohort.known_as):
            raise ConfigError(
                f"plan.cohorts.{cohort.study}: variants start from {start}, which has learned from"
                f" {', '.join(seen)}, from which {cohort.study} comes by its names"
                f" ({', '.join(cohort.known_as)}), and plan.seen_by_name is refuse. Nothing of"
                f" {cohort.study} was looked at by a network. The way out: variants that start from"
                " other weights; a `list` that names its images as the cohort does, or `unrelated`"
                " if it certainly does not come from there, in the descriptor"
                " (docs/how-to/borrowed-weights.md); or seen_by_name: flag."
            )
