"""A trained run that answers: on its project's store, and on raw files anywhere."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from radpipe.core.errors import DataError
from radpipe.detection.detector import Detector
from radpipe.detection.finding import read_detector
from radpipe.evaluation.draws import Floats
from radpipe.evaluation.limits import Limits
from radpipe.evaluation.operating_point import OperatingPoint
from radpipe.evaluation.sample import column_names, decisions
from radpipe.learning.data.cases import Cases, Pixels
from radpipe.learning.networks.inference import infer, predict_table, scores_of
from radpipe.learning.networks.network import Network, read_about, read_network
from radpipe.learning.training.run import arithmetic
from radpipe.prediction.backbone import read_backbone
from radpipe.prediction.description import Description, read_description
from radpipe.prediction.likeness import Likeness, read_likeness
from radpipe.prediction.listening import Listener
from radpipe.prediction.raw import RawCase, check_cases, entries_of
from radpipe.prediction.reading import Reader, Squares

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Answers:
    """What a predictor says of n cases, in their order.

    Attributes
    ----------
    cases
        Their names.
    classes
        Of the target; columns of `scores` and `probabilities`.
    scores
        Float32 (n, classes), 0..1: the network's, as in `predictions.parquet`; NaN for cases
        that could not be read.
    probabilities
        Float64 (n, classes), 0..1: the same after the temperature.
    questions
        What each threshold is about: the positive class of a binary target, each class or label
        of the others.
    thresholds
        Float64 (questions,), for `probabilities`; at or above is yes.
    flags
        Bool (n, questions): whether the threshold is reached.
    decisions
        For each case the class, or of a multi-label target the labels that are present.
    problems
        For each case why there is no answer; "" if there is one.
    guaranteed
        Column to a text for each case: `guaranteed_<class>` and `certain_<class>`, yes or no, at
        thresholds that keep a sensitivity; `set`, or `set_<label>`, the answers that cannot be
        ruled out. "" where nothing is guaranteed.
    distances
        Float64 (n,): of the features from those of `tune`; above 1 is unlike. NaN where nothing
        is known of it, or there is no answer.
    unlike
        For each case whether it is unlike those of `tune`; None where nothing is known of it.
    multi_label
        Classes do not exclude each other.
    notes
        For each case what was unusual about its files, though there is an answer; "" if nothing.

    """

    cases: list[str]
    classes: list[str]
    scores: NDArray[np.float32]
    probabilities: Floats
    questions: list[str]
    thresholds: Floats
    flags: NDArray[np.bool_]
    decisions: list[tuple[str, ...]]
    problems: list[str]
    guaranteed: dict[str, list[str]]
    distances: Floats
    unlike: list[bool | None]
    multi_label: bool
    notes: list[str]


class Predictor:
    """A network with everything that turns a raw file into a decision.

    Parameters
    ----------
    description
        What `predictor.json` says.
    network
        The run's.
    device
        Where it computes. Another device than the processor gives other last bits.
    detector
        Of the joints, if the network looks at crops; not needed for crops of a store.
    backbone
        The frozen network, if `network` is a head of its features; not needed for stored ones.
    likeness
        What is usual of features, if the description knows from which distance on it is not.

    """

    def __init__(
        self,
        description: Description,
        network: Network,
        *,
        device: torch.device = CPU,
        detector: Detector | None = None,
        backbone: Network | None = None,
        likeness: Likeness | None = None,
    ) -> None:
        self.description = description
        self.network = network.to(device)
        self.device = device
        self.detector = detector
        self.backbone = None if backbone is None else backbone.to(device)
        self.likeness = likeness

    @classmethod
    def open(
        cls, folder: Path | str, *, device: torch.device = CPU, shared: Path | str | None = None
    ) -> Self:
        """Open the folder of a run, or what `radpipe export` made of it.

        Parameters
        ----------
        folder
            Where `predictor.json` lies.
        device
            Where it is to compute.
        shared
            Where the detector lies that runs of one project share, if `folder` lacks it.

        Raises
        ------
        DataError
            `predictor.json`, the weights or the detector are missing, are not what they were, or
            are of a version that this radpipe does not read.

        """
        folder = Path(folder)
        what = read_description(folder)
        if what.operating_point is None:
            raise DataError(f"{folder}: its thresholds were never chosen. Run predict again.")
        weights = what.weights.check(folder / what.weights.file)
        if read_about(weights)["recipe"] != what.recipe:
            raise DataError(f"{weights}: trained from another recipe than predictor.json says.")
        network = read_network(weights, what, what.shape.model_dump())
        detector = None
        if what.joints is not None:
            named = what.joints.detector
            beside = folder if shared is None or (folder / named.file).is_file() else Path(shared)
            detector, _ = read_detector(named.check(beside / named.file))
        backbone = None
        if what.backbone is not None:
            named = what.backbone.weights
            backbone = read_backbone(named.check(folder / named.file), what.backbone)
        likeness = None
        if what.likeness is not None:
            named = what.likeness.statistics
            likeness = read_likeness(named.check(folder / named.file))
        return cls(
            what, network, device=device, detector=detector, backbone=backbone, likeness=likeness
        )

    def table(
        self, store: Pixels, cases: Cases, *, part: str
    ) -> tuple[pa.Table, NDArray[np.float32] | None]:
        """Predict a part of a store; the process computes as `learning.run.set_up` has told it to.

        Returns
        -------
        table
            See `learning.inference.predict_table`.
        features
            Of the same cases in their order, (cases, features): what the network hands to its
            last layer, or takes from a frozen one. None if it looks at no pixels.

        """
        with Listener(self.network) as listener:
            table = predict_table(
                self.network, store, cases, self.description, part=part, device=self.device.type
            )
        return table, self._features(listener, len(cases), cases.entries)

    def judged(self, store: Pixels, cases: Cases) -> tuple[NDArray[np.float32], Floats]:
        """Return scores and probabilities, (cases, classes), of cases of a store of pixels.

        The process computes as `learning.run.arithmetic` has told it to.
        """
        rows, entries = cases.rows, cases.entries
        if self.backbone is not None:
            entries = infer(self.backbone, store, rows, self.device).numpy()
            rows = rows[:, :0]
        said = infer(self.network, store, rows, self.device, entries)
        scores = scores_of(self.network, said, self.description, self.device)
        return scores, self._point.probabilities(self.description.target, scores.astype(np.float64))

    @property
    def _point(self) -> OperatingPoint:
        """Temperature and thresholds, chosen on the run's own `tune`."""
        chosen = self.description.operating_point
        if chosen is None:
            raise DataError(f"{self.description.title}: its thresholds are yet to be chosen")
        return OperatingPoint(chosen.rule, tuple(chosen.thresholds), chosen.temperature)

    def _features(
        self, listener: Listener, n: int, entries: NDArray[np.float32] | None
    ) -> NDArray[np.float32] | None:
        if not self.description.inputs.views:
            return None
        return listener.features(n) if self.description.backbone is None else entries

    def predict(
        self, cases: Sequence[RawCase], *, told: Callable[[int], object] | None = None
    ) -> Answers:
        """Answer for raw cases.

        Parameters
        ----------
        cases
            At least one. In the batches of `predict`, that is all cases of a part in the order of
            its table, scores on the processor are those of `predictions.parquet` to the byte. In
            other company they may differ by a last bit.
        told
            Called with the number of cases that are done, batch by batch.

        Raises
        ------
        DataError
            A case lacks a view, its side or a covariate, or has one of an unknown value. A file
            that cannot be used is no error: the answer says what is wrong with it.

        """
        if not cases:
            raise DataError("there is no case to predict")
        check_cases(self.description, cases)
        entries = entries_of(self.description, cases)
        notes = [""] * len(cases)
        scores, distances, problems = self._scores(cases, entries, notes, told or (lambda _: None))
        return self._answers([case.name for case in cases], scores, distances, problems, notes)

    def _scores(
        self,
        cases: Sequence[RawCase],
        entries: NDArray[np.float32] | None,
        notes: list[str],
        told: Callable[[int], object],
    ) -> tuple[NDArray[np.float32], Floats, list[str]]:
        """Read and infer batch by batch, then put logits together as the step `predict` does.

        What is unusual about files is written into `notes`.
        """
        reader = Reader(self.description, self.detector)
        problems = [""] * len(cases)
        distances = np.full(len(cases), np.nan)
        outputs = []
        with arithmetic(self.description.train):
            for start in range(0, len(cases), self.description.batch):
                some = cases[start : start + self.description.batch]
                squares, refused = reader.read(some)
                for number, reason in refused.items():
                    problems[start + number] = reason
                kept = [start + k for k in range(len(some)) if k not in refused]
                for number, note in zip(kept, squares.notes, strict=True):
                    notes[number] = note
                if kept:
                    mine = None if entries is None else entries[kept]
                    said, distances[kept] = self._outputs(squares, mine)
                    outputs.append(said)
                told(len(some))
            scores = np.full((len(cases), len(self.description.target.classes)), np.nan, np.float32)
            if outputs:
                there = [number for number, reason in enumerate(problems) if not reason]
                whole = torch.cat(outputs)
                scores[there] = scores_of(self.network, whole, self.description, self.device)
        return scores, distances, problems

    def _outputs(
        self, squares: Squares, entries: NDArray[np.float32] | None
    ) -> tuple[torch.Tensor, Floats]:
        """Infer cases of which all is there; a head is told what the frozen network says.

        Returns what the network says, and how far each case is, as in `Answers.distances`.
        """
        rows = squares.numbers
        if self.description.backbone is not None:
            if self.backbone is None:
                raise DataError(f"{self.description.title}: its frozen network was not opened")
            entries = infer(self.backbone, squares, rows, self.device).numpy()
            rows = rows[:, :0]
        with Listener(self.network) as listener:
            said = infer(self.network, squares, rows, self.device, entries)
        features = self._features(listener, len(rows), entries)
        unlike = self.description.likeness
        if self.likeness is None or unlike is None or features is None:
            return said, np.full(len(rows), np.nan)
        return said, self.likeness.distances(features) / unlike.threshold

    def _answers(
        self,
        names: list[str],
        scores: NDArray[np.float32],
        distances: Floats,
        problems: list[str],
        notes: list[str],
    ) -> Answers:
        """Apply temperature and thresholds with the functions of the step `evaluate`."""
        target, point = self.description.target, self._point
        there = np.array([not reason for reason in problems])
        unknown = np.full((int(there.sum()), len(target.columns)), np.nan)
        sample = point.sample(target, unknown, scores[there].astype(np.float64))
        probabilities = np.full(scores.shape, np.nan)
        probabilities[there] = point.probabilities(target, scores[there].astype(np.float64))
        flags = np.zeros((len(names), sample.n_columns), bool)
        flags[there] = sample.flags
        decided: list[tuple[str, ...]] = [()] * len(names)
        for number, row in zip(np.flatnonzero(there), decisions(target, sample), strict=True):
            which = np.flatnonzero(row) if target.kind == "multi-label" else row
            decided[number] = tuple(target.classes[k] for k in which)
        return Answers(
            cases=names,
            classes=list(target.classes),
            scores=scores,
            probabilities=probabilities,
            questions=column_names(target),
            thresholds=np.array(point.thresholds),
            flags=flags,
            decisions=decided,
            problems=problems,
            guaranteed=self._guaranteed(scores, there),
            distances=distances,
            unlike=[None if np.isnan(far) else bool(far > 1) for far in distances],
            multi_label=target.kind == "multi-label",
            notes=notes,
        )

    def _guaranteed(
        self, scores: NDArray[np.float32], there: NDArray[np.bool_]
    ) -> dict[str, list[str]]:
        """Return columns of what is guaranteed; none where the description knows of nothing."""
        promised = self.description.guarantee
        if promised is None:
            return {}
        thresholds = {"average": promised.average, "certain": promised.certain}
        limits = Limits(thresholds, promised.sets)
        said = limits.columns(self.description.target, scores[there].astype(np.float64))
        found = {name: [""] * len(scores) for name in said}
        for name, texts in said.items():
            for number, text in zip(np.flatnonzero(there), texts, strict=True):
                found[name][number] = text
        return found
