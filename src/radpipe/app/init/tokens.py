"""What data sets call their parts, their classes and their columns."""

import re
from collections.abc import Iterable, Sequence

from radpipe.studies.folders.layout import Part

# Words for a part; "set", "data" and the like behind them say nothing more.
PART_WORDS: dict[str, Part] = {
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev", "development", "tune"), "tune"),
    **dict.fromkeys(("test", "testing", "tst", "holdout"), "test"),
}
SAYS_NOTHING = re.compile(r"(set|data|dataset|images|imgs|img|split)s?$")
# The class without a finding comes first: scores are probabilities of the other one.
NEGATIVE_WORDS = {
    *("normal", "healthy", "negative", "neg", "benign", "control", "controls", "absent", "clear"),
    *("no", "non", "not", "without", "none", "false", "0", "intact", "unremarkable"),
}
NEGATIVE_STARTS = re.compile(r"(non[a-z]{4,}|un(infected|affected|fractured|injured|broken))$")
# Folders of outlines beside the pictures.
MASK_FOLDERS = {"mask", "masks", "segmentation", "segmentations", "annotation", "annotations"}
LABEL_COLUMNS = (
    *("label", "labels", "class", "target", "diagnosis", "dx", "finding", "findings", "category"),
    *("outcome", "grade", "y", "truth", "disease", "pathology", "kl"),
)
PATIENT_COLUMN = re.compile(
    r"(patient|person|subject|subj|participant|pat|group)s?[ _-]?(id|ids|nr|no|number|name|key)?$"
    r"|pid$"
)
PART_COLUMNS = {"split", "part", "set", "subset", "partition", "dataset", "fold"}
COVARIATES = {
    *("age", "sex", "gender", "view", "projection", "position", "modality", "scanner", "site"),
    *("hospital", "manufacturer", "body_part", "bodypart", "race", "ethnicity"),
}
GRADES = re.compile(r"(grade|kl|stage|score|birads|bi-rads|level|severity)")


def part_of(name: str) -> Part | None:
    """Return the part that a folder or a value is called by, None if it is no part's name."""
    bare = "".join(re.findall(r"[a-z]+", name.lower()))
    shorter = SAYS_NOTHING.sub("", bare)
    return PART_WORDS.get(bare) or PART_WORDS.get(shorter)


def is_negative(name: str) -> bool:
    """Tell whether a class is called as one without a finding."""
    words = re.findall(r"[a-z]+|[0-9]+", name.lower())
    return any(w in NEGATIVE_WORDS for w in words) or bool(NEGATIVE_STARTS.match(name.lower()))


def in_order(names: Iterable[str]) -> list[str]:
    """Sort classes: those without a finding first, then as people count (2 before 10)."""
    return sorted(names, key=lambda name: (not is_negative(name), natural(name)))


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return a key by which "grade 2" comes before "grade 10"."""
    found = re.findall(r"[0-9]+|[^0-9]+", name.lower())
    return tuple((0, int(t), "") if t.isdigit() else (1, 0, t) for t in found)


def are_grades(names: Sequence[str], called: str = "") -> bool:
    """Tell whether classes are steps of one scale: three or more whole numbers, such as 0 to 4.

    `called` is the name of their column; a word such as "grade" makes numbers steps, and so do
    numbers that start at 0 or 1 and leave none out.
    """
    digits = [re.fullmatch(r"[a-z_ -]*([0-9]+)(?:\.0+)?", name.lower()) for name in names]
    if len(names) < 3 or not all(digits):
        return False
    steps = sorted(int(found[1]) for found in digits if found)
    gapless = steps == list(range(steps[0], steps[0] + len(steps))) and steps[0] in (0, 1)
    return gapless or bool(GRADES.search(called.lower()))


def slug(name: str) -> str:
    """Return a name for a study: small letters, digits and _, none of them first."""
    found = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return found or "pictures"
