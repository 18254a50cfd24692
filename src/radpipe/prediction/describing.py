"""From a run in its project to what `predictor.json` says of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from radpipe.core.borrowed import read_borrowed
from radpipe.core.descriptors import Licence, read_descriptor
from radpipe.core.files import sha256_file
from radpipe.core.recipe import Recipe
from radpipe.core.settings import Guarantee, Image, Target
from radpipe.core.settings.plan import start_file
from radpipe.detection.finding import read_detector
from radpipe.evaluation.calibration import reliability
from radpipe.evaluation.draws import Floats
from radpipe.evaluation.ensemble import EnsembleCases, cases_of
from radpipe.evaluation.limits import Limits
from radpipe.evaluation.metrics.probabilities import bin_of
from radpipe.evaluation.operating_point import OperatingPoint, choose
from radpipe.imaging.store import Store
from radpipe.learning.data.cases import Cases
from radpipe.learning.data.features import FeatureStore, Frozen, is_features
from radpipe.learning.models import table_of, takes_features, takes_pixels
from radpipe.learning.networks.inference import BATCH
from radpipe.learning.networks.network import Network, read_about, shape_of
from radpipe.learning.starts.lineage import read_lineage
from radpipe.learning.starts.seen import Seen, starts_of
from radpipe.prediction.description import (
    BACKBONE,
    DETECTOR,
    LIKENESS,
    WEIGHTS,
    BorrowedFrom,
    CaseCounts,
    ChosenPoint,
    Description,
    FrozenNetwork,
    Inputs,
    Joints,
    Judged,
    Learned,
    NamedFile,
    Normalisation,
    Promised,
    ReliabilityBin,
    Shape,
    StudyCard,
    Unlikeness,
)
from radpipe.prediction.likeness import calibrate, save_likeness

# Coverage of the intervals of `judged`.
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Rule:
    """How thresholds are chosen: `evaluation.threshold`, `.sensitivity` and `.guarantee`."""

    threshold: Literal["youden", "sensitivity", "half"]
    sensitivity: float
    guarantee: Guarantee = field(default_factory=Guarantee)


def detector_of(recipe: Recipe) -> Path | None:
    """Return the detector behind a run's crops; None if it looks at whole pictures or at none."""
    store = Path(recipe.store.path)
    if is_features(store):
        store = Path(FeatureStore(store).frozen.recipe.store.path)
    elif not takes_pixels(recipe.model):
        return None
    return store.with_name(DETECTOR) if store.name == "crops" else None


def describe(
    recipe: Recipe,
    weights: Path,
    network: Network,
    store: Store | FeatureStore,
    *,
    about_study: Mapping[str, Any],
    train: Cases,
    tune: Cases,
) -> Description:
    """Describe a run whose operating point is yet to be chosen.

    Parameters
    ----------
    recipe, weights, network, store
        The run, and the store that it learned from.
    about_study
        `results/studies/<study>/ingest.json`.
    train, tune
        The cases of its parts.

    """
    about = read_about(weights)
    detector = detector_of(recipe)
    frozen = store.frozen if isinstance(store, FeatureStore) else None
    pixels = recipe.store if frozen is None else frozen.recipe.store
    return Description(
        variant=recipe.variant,
        fold=about["fold"],
        seed=about["seed"],
        recipe=recipe.sha256,
        target=recipe.target,
        inputs=_inputs(recipe, store),
        joints=None if detector is None else _joints(detector),
        preset=recipe.preset,
        source=recipe.source,
        model=recipe.model,
        shape=Shape.model_validate(shape_of(store, recipe)),
        train=recipe.train,
        parameters=about["parameters"],
        normalisation=_normalisation(recipe, network, frozen),
        weights=NamedFile(file=WEIGHTS, sha256=sha256_file(weights)),
        backbone=None if frozen is None else _backbone(frozen),
        batch=BATCH,
        operating_point=None,
        study=StudyCard(
            name=recipe.study,
            adapter=about_study.get("adapter"),
            licence=about_study.get("licence"),
            pixels=Path(pixels.path).parent.name,
            train=_counts(train),
            tune=_counts(tune),
        ),
        learned_from=_learned(about, weights),
        borrowed=_borrowed(weights),
        versions={**recipe.versions, "radpipe": version("radpipe")},
    )


def _backbone(frozen: Frozen) -> FrozenNetwork:
    """Say which network looks at the pixels of new pictures for a head."""
    shape = {name: getattr(frozen, name) for name in ("n_channels", "n_views", "volumes")}
    return FrozenNetwork(
        weights=NamedFile(file=BACKBONE, sha256=frozen.sha256),
        model=frozen.recipe.model,
        shape=Shape(**shape, n_outputs=1, size=frozen.recipe.image.side),
        stretch=frozen.stretch,
        parameters=frozen.parameters,
    )


def _normalisation(recipe: Recipe, network: Network, frozen: Frozen | None) -> Normalisation:
    """Return what is done to the pixels of new pictures: with a reproduced fault nothing."""
    if frozen is not None:
        return Normalisation(how=frozen.recipe.normalize, mean=frozen.mean, sd=frozen.sd)
    mean, sd = network.mean.flatten().tolist(), network.sd.flatten().tolist()
    if recipe.train.normalize_held_out:
        return Normalisation(how=recipe.train.normalize, mean=mean, sd=sd)
    return Normalisation(how="none", mean=[0.0] * len(mean), sd=[1.0] * len(sd))


def with_point(described: Description, predictions: pa.Table, rule: Rule) -> Description:
    """Choose temperature and thresholds, and learn what can be guaranteed, on the run's `tune`."""
    target = described.target
    tune = cases_of(target, predictions, "tune", where=f"{described.title}/predictions.parquet")
    if tune is None:
        raise ValueError("a run predicts tune always")
    point = choose(target, tune.truth, tune.scores, rule)
    chosen = ChosenPoint(
        rule=point.rule,
        thresholds=list(point.thresholds),
        temperature=point.temperature,
        n_cases=int(tune.known.sum()),
    )
    limits = Limits.of(target, tune, rule.guarantee)
    promised = Promised(asked=rule.guarantee, **limits.thresholds, sets=limits.sets)
    update = {"operating_point": chosen, "guarantee": promised}
    return described.model_copy(update={**update, "judged": _judged(target, tune, point)})


def _judged(target: Target, tune: EnsembleCases, point: OperatingPoint) -> list[Judged]:
    """Count what came true on `tune`, question by question."""
    sample = point.sample(target, tune.truth, tune.scores.astype(np.float64))
    found = []
    for k in range(sample.n_columns):
        known = ~np.isnan(sample.truth[:, k])
        truth, flags = sample.truth[known, k], sample.flags[known, k]
        found.append(
            Judged(
                flagged=int(flags.sum()),
                flagged_yes=int(truth[flags].sum()),
                passed=int((~flags).sum()),
                passed_yes=int(truth[~flags].sum()),
                bins=_bins(truth, sample.probabilities[known, k]),
            )
        )
    return found


def _bins(truth: Floats, probabilities: Floats) -> list[ReliabilityBin]:
    """Return the bins of a question that hold cases; truth and probabilities (cases,)."""
    if not len(truth):
        return []
    numbers, counts = np.unique(bin_of(probabilities), return_counts=True)
    points = reliability(truth, probabilities, confidence=CONFIDENCE)
    return [
        ReliabilityBin(number=number, cases=cases, mean=mean, share=share, low=low, high=high)
        for number, cases, (mean, share, low, high) in zip(
            numbers.tolist(), counts.tolist(), points, strict=True
        )
    ]


def with_likeness(
    described: Description,
    features: NDArray[np.float32] | None,
    tune: Cases,
    *,
    rate: float,
    path: Path,
) -> Description:
    """Learn from features of `tune`, in the order of its cases, which cases are unlike them.

    The statistics are written to `path`: a file without tensors where there are none.
    """
    patients = [str(name) for name in tune.table["patient"].to_pylist()]
    found = None if features is None else calibrate(features, patients, rate)
    save_likeness(path, None if found is None else found[0])
    if found is None:
        return described
    far = found[1]
    unlike = Unlikeness(
        statistics=NamedFile(file=LIKENESS, sha256=sha256_file(path)),
        threshold=far.threshold,
        asked=rate,
        rate=far.rate,
        interval=[far.low, far.high],
        n_cases=len(patients),
        n_patients=len(set(patients)),
    )
    return described.model_copy(update={"likeness": unlike})


def _inputs(recipe: Recipe, store: Store | FeatureStore) -> Inputs:
    """Say what a case consists of; sides are seen from the store, which has mirrored the left."""
    pixels = takes_pixels(recipe.model) or takes_features(recipe.model)
    index = store.index
    sides = bool(pc.any(index["mirrored"]).as_py())
    pairs = index.group_by(["view", "file"]).aggregate([])
    taken = table_of(recipe.model)
    return Inputs(
        views=store.views if pixels else [],
        volumes=store.volumes,
        image=recipe.image,
        sides=pixels and sides,
        halves=pixels and sides and pairs.num_rows < index.num_rows,
        covariates=[] if taken is None else taken.columns,
    )


def _joints(detector: Path) -> Joints:
    _, about = read_detector(detector)
    return Joints(
        detector=NamedFile(file=DETECTOR, sha256=sha256_file(detector)),
        image=Image.model_validate(about["image"]),
        **about["crops"],
    )


def _counts(cases: Cases) -> CaseCounts:
    return CaseCounts(cases=len(cases), patients=len(pc.unique(cases.table["patient"])))


def _borrowed(weights: Path) -> list[BorrowedFrom]:
    return [
        BorrowedFrom(
            start=each.start,
            function=each.function,
            data_sets=[one.data_set for one in each.learned_from],
            licence=_licence(each),
        )
        for each in starts_of(weights)
    ]


def _licence(seen: Seen) -> Licence | None:
    """Return the licence of weights: of this project's descriptor, or what they carry on of it."""
    file = Path(start_file(seen.start))
    if file.is_file() and read_borrowed(file).tensors == seen.tensors:
        return read_descriptor(seen.start).licence
    if seen.terms is None:
        return None
    says = "As the project noted it in which the weights were first used; the text is there."
    return Licence(restricted=True, says=says, **seen.terms.model_dump())


def _learned(about: dict[str, Any], weights: Path) -> list[Learned]:
    return [
        Learned(
            variant=run.variant,
            fold=run.fold,
            seed=run.seed,
            recipe=run.recipe,
            model=run.model,
            n_patients=len(run.gradients),
            n_stopping=len(run.stopping),
        )
        for run in read_lineage(about, weights)
    ]
