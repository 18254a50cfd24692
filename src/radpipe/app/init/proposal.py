"""What `radpipe init` proposes for a folder of pictures, and how it came to it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from radpipe.app.init.tokens import are_grades, in_order
from radpipe.core.plurals import counted

# A part `val` can choose no model, so that its pictures go to train and tune is drawn, if it has
# fewer than the first number of pictures, or fewer than the second and than this share of train.
NEVER_TUNE, LEAST_TUNE, LEAST_TUNE_SHARE = 20, 100, 0.05


@dataclass(frozen=True)
class Remark:
    """One thing that was seen and decided.

    Attributes
    ----------
    about
        One word: classes, parts, patients, pictures, ...
    what
        What was seen and decided.
    setting
        Where in the study's block of params.yaml it stands; "" if nowhere.

    """

    about: str
    what: str
    setting: str = ""


@dataclass
class Proposal:
    """A study in the making.

    Attributes
    ----------
    layout
        The block `layout` of the adapter `folders`.
    kind, classes
        The target.
    official
        Part to number of images, of the data set's own parts; empty: none.
    on_leak
        The setting of that name.
    patients_known
        Whether the layout says whose picture each file is.

    """

    layout: dict[str, Any]
    kind: str
    classes: list[str]
    official: Mapping[str, int] = field(default_factory=dict)
    on_leak: str = "group"
    patients_known: bool = False
    remarks: list[Remark] = field(default_factory=list)

    def say(self, about: str, what: str, setting: str = "") -> None:
        """Add a remark."""
        self.remarks.append(Remark(about, what, setting))


def target_of(counts: Mapping[str, int], called: str = "") -> tuple[str, list[str]]:
    """Return kind and classes in order, from the names of classes and how often each is there."""
    if are_grades(list(counts), called):
        return "ordinal", sorted(counts, key=lambda name: _number(name))
    classes = in_order(counts)
    return ("binary" if len(classes) == 2 else "multi-class"), classes


def say_target(proposal: Proposal, counts: Mapping[str, int], whence: str) -> None:
    """Remark which classes there are, and which of two is the finding."""
    listed = ", ".join(f"{name} {counts[name]:,}" for name in proposal.classes)
    rest = ""
    if proposal.kind == "binary":
        rest = f"; {proposal.classes[1]!r} is taken for the finding (positive)"
    elif proposal.kind == "ordinal":
        rest = "; taken for grades of one scale, from the least to the most"
    proposal.say("classes", f"{listed} ({whence}){rest}", "target")


def settle_parts(names: Iterable[str], proposal: Proposal, part_of: Mapping[str, str]) -> None:
    """Decide what the data set's own parts are taken for, and remark it.

    Parameters
    ----------
    names
        The part that each image stands in, by the data set's own name.
    part_of
        That name to train, tune or test.

    """
    by_name = Counter(names)
    counts = Counter[str]()
    for name, n in by_name.items():
        counts[part_of[name]] += n
    known = {"train", "tune", "val", "valid", "validation", "test"}
    mapping: dict[str, str] = {n: part_of[n] for n in by_name if n.lower() not in known}
    listed = ", ".join(f"{name} {n:,}" for name, n in by_name.items())
    text = f"official ones, kept: {listed}"
    enough = max(NEVER_TUNE, min(LEAST_TUNE, LEAST_TUNE_SHARE * counts["train"]))
    few = counts["tune"] < enough
    if counts["tune"] and few:
        mapping |= {name: "train" for name in by_name if part_of[name] == "tune"}
        small = ", ".join(name for name in by_name if part_of[name] == "tune")
        text += (
            f"; {small} has too few to choose a model by, so its images go to train, and a fifth"
            " of train is drawn as tune (the validation set)"
        )
        counts["train"] += counts.pop("tune")
    elif not counts["tune"]:
        text += "; a fifth of train is drawn as tune (the validation set)"
    if not counts["test"]:
        text += "; a test part is drawn"
    if mapping:
        proposal.layout["parts"] = mapping
    proposal.official = counts
    # Patients of official parts cannot be put together, only left out.
    proposal.on_leak = "drop"
    proposal.say("parts", text, "layout.parts" if mapping else "layout")


def say_no_parts(proposal: Proposal) -> None:
    """Remark that parts are drawn."""
    unit = "patient" if proposal.patients_known else "image"
    proposal.say("parts", f"none given: a quarter is drawn as test, by {unit}", "split.test")


def say_unknown_patients(proposal: Proposal, n_images: int, why: str, way_out: str) -> None:
    """Warn that pictures of one patient may be divided, and say how to name patients."""
    proposal.say(
        "patients",
        f"unknown ({why}): each of {counted(n_images, 'image')} is taken for a patient of its own."
        f" If patients have several images, scores come out too good: {way_out}",
        "layout",
    )


def _number(name: str) -> float:
    digits = "".join(sign for sign in name.partition(".")[0] if sign.isdigit())
    return float(digits)
