"""The placed cases of a study as arrays: patients, parts, answers, covariates."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from radpipe.core.settings import Target

COVARIATE = "covariate_"
AGES = ("age", "age_years", "patient_age")
SEXES = ("sex", "gender", "patient_sex")
# Texts with more values than this name places or devices rather than groups.
MOST_VALUES = 8
Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class StudyCases:
    """The n cases of split.parquet, in its order.

    Attributes
    ----------
    target
        What is asked of them.
    case
        (n,) names, sorted; for joining with a store, never for showing.
    patient
        (n,) numbers from 0 on, one for each patient.
    fold
        (n,) fold whose tune part it is, -1 in test.
    truth
        (n, columns of the target), NaN unknown.
    uncertain
        (n, columns), where the data set calls an answer uncertain; None if it never says.
    covariates
        Name to (n,) float64 with NaN, or object of texts and None.

    """

    target: Target
    case: NDArray[np.object_]
    patient: NDArray[np.int64]
    fold: NDArray[np.int64]
    truth: NDArray[np.float64]
    uncertain: Mask | None = None
    covariates: Mapping[str, NDArray[np.generic]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.case)

    @property
    def parts(self) -> dict[str, Mask]:
        """Fold 0's train and tune, and test, each (n,); without those that have no case."""
        fold = self.fold
        found = {"train": fold > 0, "tune": fold == 0, "test": fold < 0}
        return {name: mask for name, mask in found.items() if mask.any()}

    @property
    def outside_test(self) -> Mask:
        """(n,) whether a case is not in test; all, if test is all that there is."""
        outside = self.fold >= 0
        return outside if outside.any() else ~outside

    @property
    def answers(self) -> tuple[str, ...]:
        """What can be present: the labels, the classes, or the finding of a binary target."""
        names = self.target.classes
        return tuple(names[1:] if self.target.kind == "binary" else names)

    @property
    def present(self) -> NDArray[np.float64]:
        """(n, answers) 1 present, 0 absent, NaN unknown."""
        if self.target.kind in ("multi-label", "binary"):
            return self.truth
        classes = np.arange(len(self.target.classes))
        found: NDArray[np.float64] = (self.truth == classes).astype(np.float64)
        found[np.isnan(self.truth[:, 0])] = np.nan
        return found

    @property
    def age(self) -> NDArray[np.float64] | None:
        """(n,) years, NaN unknown; None where the study has no ages."""
        found = self._named(AGES)
        return None if found is None or not is_number(found) else found.astype(np.float64)

    @property
    def sex(self) -> NDArray[np.object_] | None:
        """(n,) as the study writes it, None unknown; None where it does not say."""
        found = self._named(SEXES)
        return None if found is None else texts_of(found)

    def _named(self, names: tuple[str, ...]) -> NDArray[np.generic] | None:
        by_name = {name.lower(): values for name, values in self.covariates.items()}
        return next((by_name[name] for name in names if name in by_name), None)


def read_cases(split: pa.Table, target: Target) -> StudyCases:
    """Read the rows of split.parquet.

    Parameters
    ----------
    split
        The table; columns that a study need not have may be missing.
    target
        Says which columns hold answers.

    """
    names = [name for name in split.column_names if name.startswith(COVARIATE)]
    doubted = set(target.uncertain_columns) <= set(split.column_names)
    return StudyCases(
        target=target,
        case=_column(split, "case").astype(object),
        patient=np.unique(_column(split, "patient").astype(str), return_inverse=True)[1],
        fold=split["fold"].to_numpy(),
        truth=np.column_stack([split[n].to_numpy().astype(float) for n in target.columns]),
        uncertain=_doubts(split, target.uncertain_columns) if doubted else None,
        covariates={name.removeprefix(COVARIATE): _column(split, name) for name in names},
    )


def _column(split: pa.Table, name: str) -> NDArray[np.generic]:
    return np.asarray(split[name].to_numpy(zero_copy_only=False))


def _doubts(split: pa.Table, names: list[str]) -> Mask:
    columns = [split[name].fill_null(False).to_numpy(zero_copy_only=False) for name in names]
    return np.column_stack(columns).astype(np.bool_)


def is_number(values: NDArray[np.generic]) -> bool:
    """Tell whether a covariate, (n,), holds numbers and not texts."""
    return bool(np.issubdtype(values.dtype, np.number))


def texts_of(values: NDArray[np.generic]) -> NDArray[np.object_]:
    """Return the values of a covariate, (n,), as texts; None where unknown."""
    if not is_number(values):
        return values.astype(object)
    number = values.astype(np.float64)
    distinct, inverse = np.unique(number, return_inverse=True)
    named = [None if np.isnan(value) else f"{value:g}" for value in distinct]
    return np.array(named, dtype=object)[inverse]


def groups_of(values: NDArray[np.generic]) -> dict[str, Mask]:
    """Return the cases of each value of a covariate, (n,); empty if it has many values or none."""
    texts = texts_of(values)
    distinct = sorted({text for text in texts.tolist() if text is not None})
    if len(distinct) > MOST_VALUES:
        return {}
    return {str(text): np.asarray(texts == text, np.bool_) for text in distinct}
