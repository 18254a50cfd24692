"""Class folders: which level of folders names the class, the part, the patient."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from radpipe.app.init.patients import Pattern, patient_pattern, untold
from radpipe.app.init.proposal import (
    Proposal,
    say_no_parts,
    say_target,
    say_unknown_patients,
    settle_parts,
    target_of,
)
from radpipe.app.init.tokens import is_negative, part_of
from radpipe.core.text_files import composed
from radpipe.studies.base.template import Template

MOST_CLASSES = 30
# Of the patients of a smaller part, how many may stand in another one, too: beyond that, numbers
# rather start again in each part.
MOST_SHARED = 0.2
# One template of paths cannot read names of several forms; a table can.
WITH_A_TABLE = (
    "list image, label and patient in a table, and set layout.table instead of layout.path; an"
    " empty patient is unknown"
)
PATIENT_FOLDER = re.compile(
    r"(patient|person|subject|subj|sub|pat|pt|case|p|id)?[-_ ]?[0-9]+$", re.I
)


@dataclass(frozen=True)
class Level:
    """One level of folders that could name the class.

    Attributes
    ----------
    index
        Which level, 0 for the top.
    fragment
        How the template writes it, such as "{class}" or "{_}_{class}".
    names
        What stands for the class, by the name of the folder.

    """

    index: int
    fragment: str
    names: Mapping[str, str]

    @property
    def rank(self) -> tuple[bool, int, int]:
        """Where it comes among others: a class without a finding first, then fewer classes."""
        different = set(self.names.values())
        return not any(map(is_negative, different)), len(different), -self.index


def propose_tree(pictures: Sequence[str]) -> Proposal | None:
    """Propose a layout of class folders.

    Parameters
    ----------
    pictures
        Paths below the root of the data set.

    Returns
    -------
    Proposal or None
        None if no level of folders can be the class.

    """
    pictures = [composed(file) for file in pictures]
    depth = Counter(file.count("/") for file in pictures).most_common(1)[0][0]
    fitting = [file for file in pictures if file.count("/") == depth]
    rows = [file.split("/") for file in fitting]
    columns = list(zip(*(row[:-1] for row in rows), strict=True)) if depth else []
    parts = next((i for i, names in enumerate(columns) if _are_parts(names)), None)
    free = [i for i, names in enumerate(columns) if i != parts and len(set(names)) > 1]
    levels = [level for i in free for level in _levels(i, columns[i])]
    if not levels:
        return None
    level = min(levels, key=lambda found: found.rank)
    found = [level.names[name] for name in columns[level.index]]
    classes = _spelled_alike(found)
    counts = Counter(classes[name] for name in found)
    kind, names = target_of(counts)
    folder = next((i for i in free if i != level.index and _are_patients(columns[i])), None)
    stems = [PurePosixPath(row[-1]).stem for row in rows]
    pattern = patient_pattern(stems) if folder is None else None
    template = _template(columns, parts, level, folder, pattern)
    proposal = Proposal({"path": template}, kind, names)
    mapping = {name: to for name, to in sorted(classes.items()) if name != to}
    if mapping:
        proposal.layout["classes"] = mapping
    whence = "names of folders" if level.fragment == "{class}" else "the end of folders' names"
    say_target(proposal, counts, whence)
    _say_patients(proposal, fitting, folder, pattern, template)
    if parts is None:
        say_no_parts(proposal)
    else:
        official = {name: part_of(name) or "" for name in set(columns[parts])}
        settle_parts(columns[parts], proposal, official)
    others = len(pictures) - len(fitting)
    if others:
        proposal.say("files", f"{others:,} images lie at another depth and are no cases", "layout")
    return proposal


def _are_parts(names: Sequence[str]) -> bool:
    different = set(names)
    return len(different) > 1 and all(part_of(name) for name in different)


def _levels(index: int, names: Sequence[str]) -> Iterator[Level]:
    """Yield the ways in which a level can name the class: by the whole, or by the last word."""
    different = set(names)
    if len(different) <= MOST_CLASSES and not _are_patients(names):
        yield Level(index, "{class}", {name: name for name in different})
    for separator in ("_", "-"):
        if not all(name.count(separator) == 1 for name in different):
            continue
        last = {name: name.rpartition(separator)[2] for name in different}
        fewer = 2 <= len(set(last.values())) < min(len(different), MOST_CLASSES + 1)
        if fewer and any(map(is_negative, last.values())):
            yield Level(index, f"{{_}}{separator}{{class}}", last)


def _are_patients(names: Sequence[str]) -> bool:
    """Tell whether folders are called as patients are: many, by number."""
    different = set(names)
    if len(different) < 5:
        return False
    numbered = [bool(PATIENT_FOLDER.match(name)) for name in different]
    long = [sum(sign.isdigit() for sign in name) >= 2 for name in different]
    return sum(numbered) >= 0.9 * len(different) and any(long)


def _spelled_alike(found: Sequence[str]) -> dict[str, str]:
    """Return each name of a class with the most frequent spelling of it: Normal, NORMAL."""
    by_bare: dict[str, Counter[str]] = defaultdict(Counter)
    for name in found:
        by_bare[re.sub(r"[\s_-]+", "", name.lower())][name] += 1
    return {
        name: spellings.most_common(1)[0][0] for spellings in by_bare.values() for name in spellings
    }


def _template(
    columns: Sequence[Sequence[str]],
    parts: int | None,
    level: Level,
    folder: int | None,
    pattern: Pattern | None,
) -> str:
    """Write the template of every image's path."""
    named = {parts: "{part}", level.index: level.fragment, folder: "{patient}"}
    texts = []
    for index, names in enumerate(columns):
        constant = len(set(names)) == 1 and not set("{}") & set(names[0])
        texts.append(named.get(index) or (names[0] if constant else "{_}"))
    last = pattern.template if pattern else "{file}"
    return "/".join([*texts, last])


def _say_patients(
    proposal: Proposal,
    files: Sequence[str],
    folder: int | None,
    pattern: Pattern | None,
    template: str,
) -> None:
    """Remark whose pictures they are; take patients back whose numbers start again."""
    if folder is None and pattern is None:
        stems = [PurePosixPath(file).stem for file in files]
        say_unknown_patients(proposal, len(files), untold(stems), WITH_A_TABLE)
        return
    found = [match for file in files if (match := Template(template).match(file))]
    if shared := _shared(found):
        proposal.layout["path"] = _without_patients(template, by_folder=folder is not None)
        why = f"{shared:.0%} of the names in a part stand in another one, too: numbers start again"
        say_unknown_patients(proposal, len(files), why, WITH_A_TABLE)
        return
    proposal.patients_known = True
    n_patients = len({match["patient"] for match in found})
    by_folder = f"{n_patients:,} for {len(files):,} images, a folder each"
    told = pattern.told(len(files)) if pattern else by_folder
    proposal.say("patients", told, "layout.path")


def _without_patients(template: str, *, by_folder: bool) -> str:
    """Return a template that no longer says whose picture a file is."""
    if by_folder:
        return template.replace("{patient}", "{_}")
    return "/".join([*template.split("/")[:-1], "{file}"])


def _shared(found: Sequence[Mapping[str, str]]) -> float:
    """Return the share of a part's patients that another part has; 0 if few or no parts."""
    by_part: dict[str, set[str]] = defaultdict(set)
    for match in found:
        by_part[part_of(match.get("part", "")) or ""].add(match["patient"])
    sets = list(by_part.values())
    shares = [
        len(one & other) / min(len(one), len(other))
        for i, one in enumerate(sets)
        for other in sets[:i]
    ]
    most = max(shares, default=0.0)
    return most if most > MOST_SHARED else 0.0
