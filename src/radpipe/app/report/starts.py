"""What a variant comes from, in plain words: weights that it starts from, or its members."""

from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

from radpipe.app.report.estimates import whole
from radpipe.app.report.results import VariantResults
from radpipe.core.starting import start_of

RANDOM = "random weights"
NOTHING = "random.json"


def short(variant: VariantResults) -> str:
    """Name what a variant comes from, to stand under its name; empty for random weights."""
    if joined := variant.metrics.get("ensemble"):
        return f"mean {joined['mean']} of {', '.join(joined['members'])}"
    weights = _weights(variant)
    if PurePath(weights).name == NOTHING:
        return ""
    start = start_of(weights)
    return f"starts from {start.variant if start else weights}"


def listed(variants: Iterable[VariantResults], studies: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return each variant and what it starts from; nothing if all start from random weights."""
    found = [(variant.name, told(variant, studies)) for variant in variants]
    return found if any(text != RANDOM for _, text in found) else []


def told(variant: VariantResults, studies: Mapping[str, str]) -> str:
    """Tell what a variant starts from, and whom that has learned from before.

    Of an ensemble, what it is the mean of, and how that was chosen.

    Parameters
    ----------
    variant
        Its `metrics.json` holds the lineage, the nearest run last.
    studies
        Planned variant to its study.

    """
    if joined := variant.metrics.get("ensemble"):
        return _joined(joined)
    weights = _weights(variant)
    if PurePath(weights).name == NOTHING:
        return RANDOM
    runs = list(reversed(variant.metrics["recipe"]["lineage"]))
    if not runs:
        return weights
    runs_told = [_learned(run, studies) for run in runs]
    first = runs_told[0] if start_of(weights) else f"{weights}, made by {runs_told[0]}"
    return "; ".join([first, *(f"that one started from {text}" for text in runs_told[1:])])


def _joined(ensemble: Mapping[str, Any]) -> str:
    """Tell of whom an ensemble is the mean; nothing of it was trained."""
    mean, losses = ensemble["mean"], ensemble["tune_loss"]
    text = f"nothing of its own: the mean {mean} of {', '.join(ensemble['members'])}"
    if ensemble["asked"] != "chosen":
        return text
    told = ", ".join(f"{name} {loss:.4f}" for name, loss in losses.items() if loss is not None)
    return f"{text}; chosen on tune by the log loss ({told})"


def _learned(run: Mapping[str, Any], studies: Mapping[str, str]) -> str:
    n, study = run["n_patients"], studies.get(run["variant"])
    return (
        f"{run['variant']}, fold {run['fold']} seed {run['seed']}, which learned from {whole(n)}"
        f" {'patient' if n == 1 else 'patients'}{f' of {study}' if study else ''}"
    )


def _weights(variant: VariantResults) -> str:
    path: str = variant.recipe["weights"]["path"]
    return path
