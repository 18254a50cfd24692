"""What a variant comes from, in plain words: weights that it starts from, or its members."""

from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

from radpipe.app.report.estimates import whole
from radpipe.app.report.results import VariantResults
from radpipe.core.borrowed import is_start
from radpipe.core.settings.features import features_of
from radpipe.core.starting import start_of

RANDOM = "random weights"
NOTHING = "random.json"


def short(variant: VariantResults) -> str:
    """Name what a variant comes from, to stand under its name; empty for random weights."""
    if imported := variant.metrics.get("imported"):
        unknown = imported["by"]["kind"] == "system" and imported["learned_from"] is None
        text = _imported_short(imported)
        text += "; what it learned from is not known" if unknown else ""
        return f"{text}; has seen these data ({variant.seen})" if variant.seen else text
    if joined := variant.metrics.get("ensemble"):
        return f"mean {joined['mean']} of {', '.join(joined['members'])}"
    weights = _weights(variant)
    if _features(variant):
        text = f"head on frozen features of {_nearest(variant) or 'a random network'}"
        return f"{text}; has seen these data ({variant.seen})" if variant.seen else text
    if PurePath(weights).name == NOTHING:
        return ""
    start = start_of(weights)
    if is_start(weights):
        text = f"starts from {', '.join(each['start'] for each in _outside(variant))}"
    else:
        text = f"starts from {start.variant if start else weights}"
    return f"{text}; has seen these data ({variant.seen})" if variant.seen else text


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
    if imported := variant.metrics.get("imported"):
        return _imported(imported)
    if joined := variant.metrics.get("ensemble"):
        return _joined(joined)
    weights = _weights(variant)
    features = _features(variant)
    if PurePath(weights).name == NOTHING and not features:
        return RANDOM
    runs = list(reversed(variant.metrics["recipe"]["lineage"]))
    links = [_learned(run, studies) for run in runs]
    if outside := "; and from ".join(_published(start) for start in _outside(variant)):
        links.append(outside)
    if features:
        of = "; that one started from ".join(links) or "a network of random weights"
        return f"random weights, as a head on {features}: frozen features of {of}"
    if not links:
        return weights
    named = start_of(weights) or is_start(weights)
    first = links[0] if named else f"{weights}, made by {links[0]}"
    return "; ".join([first, *(f"that one started from {text}" for text in links[1:])])


def _imported_short(imported: Mapping[str, Any]) -> str:
    """Name who gave imported answers, and in which form."""
    by = imported["by"]
    name = by["name"] + (f" ({by['modality']})" if by["modality"] else "")
    return f"imported {imported['form']} of {by['kind']} {name}"


def _imported(imported: Mapping[str, Any]) -> str:
    """Tell of imported answers what their maker has learned from, if that is known."""
    learned, by = imported["learned_from"], imported["by"]
    text = f"nothing here: {_imported_short(imported)}"
    if learned:
        return f"{text}, which has learned from {', '.join(learned)}, as it is said"
    if learned is not None:
        return f"{text}, which has learned from no data set, as it is said"
    return text if by["kind"] == "reader" else f"{text}; what it learned from is not known"


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


def _published(start: Mapping[str, Any]) -> str:
    """Tell of weights that others learned what they learned from, as far as it is known."""
    data = ", ".join(
        f"{each['data_set']} ({_listed(each['list'])})" for each in start["learned_from"]
    )
    text = f"{start['start']}, weights of {start['function']} that others learned from {data}"
    return text + _restricted(start.get("terms"))


def _restricted(terms: Mapping[str, Any] | None) -> str:
    if terms is None:
        return ""
    forbids = " and ".join(terms["forbids"])
    what = f"forbids {forbids} use" if forbids else "restricts their use"
    return f", under {terms['spdx']}, which {what} of all that comes from them"


def _listed(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return "which of its images is not known"
    return f"{whole(found['count'])} {found['names']} by a published list"


def _outside(variant: VariantResults) -> list[Mapping[str, Any]]:
    return list(variant.metrics["recipe"].get("borrowed", ()))


def _features(variant: VariantResults) -> str:
    """Name the features that a variant is a head of; empty: it looks at pixels."""
    named = features_of(variant.recipe["store"]["path"])
    return named[1] if named else ""


def _nearest(variant: VariantResults) -> str:
    """Name the weights, of a run or of others, that frozen features are made with."""
    runs: list[str] = [run["variant"] for run in variant.metrics["recipe"]["lineage"]]
    return next(reversed(runs), next((each["start"] for each in _outside(variant)), ""))


def _weights(variant: VariantResults) -> str:
    path: str = variant.recipe["weights"]["path"]
    return path
