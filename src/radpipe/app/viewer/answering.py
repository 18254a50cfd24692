"""What the process says of a case: the squares that the network sees, answers, and a map."""

from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from radpipe.app.viewer.noticing import remarks_on
from radpipe.app.viewer.wire import Array, Message
from radpipe.core.errors import ConfigError, DataError, RadpipeError
from radpipe.evaluation.metrics.probabilities import bin_of
from radpipe.evaluation.sample import columns_of
from radpipe.explaining.explain import CaseMap, explain
from radpipe.explaining.methods import EXPLANATIONS, read_method
from radpipe.explaining.subject import Material, Member
from radpipe.imaging.regions import Facing
from radpipe.imaging.stored import decode_file
from radpipe.prediction.description import DESCRIPTION, Description
from radpipe.prediction.predictor import Answers, Predictor
from radpipe.prediction.raw import RawCase, entries_of
from radpipe.prediction.reading import Reader, Squares

# Opened models that are kept, the last used.
KEPT = 3
CASE = "case"
PICTURES = "DICOM, PNG, JPEG, TIFF, BMP, WebP and GIF pictures"
VOLUMES = "NumPy volumes (.npy) of uint8 or uint16, slices x rows x columns"


class Answering:
    """Opens models and asks them; keeps models, and nothing of a case."""

    def __init__(self) -> None:
        self._models: OrderedDict[tuple[str, int], Predictor] = OrderedDict()

    def answer(self, question: Message) -> Message:
        """Answer one question; what is wrong with it stands in `says["problem"]`.

        Parameters
        ----------
        question
            `says` holds "model", the folder of a predictor, "shared", where else its detector may
            lie, or null, and "case": null (the model is only opened), or "side", "both" and
            "covariates"; then "label", the number of a question, and "method", one that draws maps,
            or "": no map. `blobs` holds the file of each view.

        Returns
        -------
        Message
            `says` as `_said` returns it; `arrays` holds for each view "view:<name>" as the network
            sees it, (slices, side, side) or (slices, side, side, 3), and "map:<name>", float32
            (slices, side, side). Of a model that is only opened `says` holds "methods", the names
            of those that draw maps of what it looks at.

        """
        try:
            predictor = self._opened(question.says["model"], question.says["shared"])
            if question.says["case"] is None:
                return Message({"problem": "", "methods": _methods(predictor)})
            return _answer(predictor, question)
        except RadpipeError as error:
            return Message({"problem": str(error)})

    def _opened(self, folder: str, shared: str | None) -> Predictor:
        stamp = Path(folder, DESCRIPTION)
        key = folder, stamp.stat().st_mtime_ns if stamp.is_file() else 0
        if key not in self._models:
            self._models[key] = Predictor.open(folder, shared=shared)
        self._models.move_to_end(key)
        while len(self._models) > KEPT:
            self._models.popitem(last=False)
        return self._models[key]


def _methods(predictor: Predictor) -> list[str]:
    if not predictor.description.inputs.views:
        return []
    return [name for name in EXPLANATIONS if EXPLANATIONS[name].explains is not None]


def _answer(predictor: Predictor, question: Message) -> Message:
    what = predictor.description
    case = _case_of(question)
    squares, remarks = _seen(predictor, case)
    answers = predictor.predict([case])
    if answers.problems[0]:
        raise DataError(_located(what, case, answers.problems[0]))
    says = {"problem": "", "remarks": remarks, **_said(answers, what)}
    arrays: dict[str, Array] = {}
    for view, row in zip(what.inputs.views, squares.rows, strict=True):
        arrays[f"view:{view}"] = row[..., 0] if row.shape[-1] == 1 else row
    if question.says["method"] and what.inputs.views:
        try:
            drawn = _drawn(predictor, case, squares, question)
            arrays |= {f"map:{view}": each for view, each in drawn.views.items()}
        except ConfigError as error:
            remarks.append(f"There is no map: {error}")
    return Message(says, arrays=arrays)


def _case_of(question: Message) -> RawCase:
    told: Mapping[str, Any] = question.says["case"]
    return RawCase(
        CASE,
        dict(question.blobs),
        side=told.get("side"),
        both=bool(told.get("both")),
        covariates=told.get("covariates") or {},
    )


def _seen(predictor: Predictor, case: RawCase) -> tuple[Squares, list[str]]:
    """Return what the network sees of a case, and what is odd about its file."""
    what = predictor.description
    reader = Reader(what, predictor.detector)
    squares, problems = reader.read([case])
    if problems:
        raise DataError(_located(what, case, problems[0]))
    notes = [f"The file {note}." for note in filter(None, squares.notes[0].split("; "))]
    files = [raw for raw in case.views.values() if isinstance(raw, bytes)]
    try:
        more = remarks_on(reader.last, files[-1], what) if files else []
        return squares, notes + more
    except DataError as error:
        raise DataError(_located(what, case, str(error))) from error


def _drawn(predictor: Predictor, case: RawCase, squares: Squares, question: Message) -> CaseMap:
    what = predictor.description
    member = Member(predictor.network, what, predictor.backbone)
    material = Material(squares, [CASE], squares.numbers, entries_of(what, [case]))
    method = read_method({"name": question.says["method"]})
    label = int(question.says["label"])
    return explain([member], material, how=method, labels=[[label]])[0]


def _located(what: Description, case: RawCase, reason: str) -> str:
    """Say which of several files is meant, and what was allowed."""
    where = "The file"
    if len(what.inputs.views) > 1:
        broken = [view for view, raw in case.views.items() if not _readable(raw, what)]
        where = f"The file of the view {broken[0]}" if broken else "A file"
    taken = f"{VOLUMES}, and {PICTURES}" if what.inputs.volumes else PICTURES
    return f"{where} cannot be used: {reason}. Taken are {taken}."


def _readable(raw: object, what: Description) -> bool:
    if not isinstance(raw, bytes):
        return True
    try:
        decode_file("", raw, what.inputs.image, Facing())
    except DataError:
        return False
    return True


def _said(answers: Answers, what: Description) -> dict[str, Any]:
    """Return all that is said of one case, as JSON can hold it.

    "questions": name, probability, threshold, flag and number of the reliability bin of each;
    "classes": name to probability; "decision"; "guaranteed": column to text; "unlike": true, false
    or null, where nothing is known.
    """
    chances = columns_of(what.target, answers.probabilities)[0]
    questions = zip(
        answers.questions,
        chances.tolist(),
        answers.thresholds.tolist(),
        answers.flags[0].tolist(),
        bin_of(chances).tolist(),
        strict=True,
    )
    keys = ("name", "probability", "threshold", "flag", "bin")
    return {
        "questions": [dict(zip(keys, each, strict=True)) for each in questions],
        "classes": dict(zip(answers.classes, answers.probabilities[0].tolist(), strict=True)),
        "decision": list(answers.decisions[0]),
        "guaranteed": {name: texts[0] for name, texts in answers.guaranteed.items()},
        "unlike": answers.unlike[0],
    }
