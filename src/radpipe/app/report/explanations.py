"""Where variants look: galleries of explained cases, with what was answered and how sure it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from radpipe.app.report.estimates import decimal, percent, whole
from radpipe.core.files import read_json
from radpipe.core.plurals import counted
from radpipe.core.settings import Explain

WHY = {
    "right": "the surest right answer",
    "wrong": "the surest wrong answer",
    "absent": "the surest “absent”, rightly",
    "missed": "the surest “absent” where it is present",
    "nearest": "nearest to a decision the other way",
    "random": "drawn at random",
    "named": "asked for",
}
UNSCORED = "No map is scored"
# What colours mean, by the look of a method.
COLOURS = {
    "heat": "violet to yellow speaks for the label, blue against it, and the more a colour hides of"
    " the film, the more it counts",
    "jet": "blue is least and red is most",
    "jet-red-to-green": "only the upper half is shown, from green to red, which is most",
    "jet-inverted": "a rainbow turned round, red to blue, so faint that it is hardly seen",
    "spectral": "blue is least and red is most, beside the film and not over it",
}
# Contributions of covariates that are told of a case.
MOST = 4


@dataclass(frozen=True)
class Shown:
    """One case of a gallery, without a name.

    Attributes
    ----------
    title, text
        Label and reason; probability, interval, truth and slices.
    picture
        The file; None where no picture may be shown.
    shares
        (covariate, contribution as text), the largest first.

    """

    title: str
    text: str
    picture: Path | None
    shares: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Gallery:
    """The gallery of one variant.

    Attributes
    ----------
    variant
        Its name.
    columns
        What stands side by side in each picture.
    run
        Which run was explained, if the plan has several; empty if it has one.
    shown
        The cases; none where the study's pixels have a remote of their own.
    withheld
        Where they lie then; empty if they are on the page.
    scored
        How many cases were scored, part by part; why none was, where none was.
    redrawn
        How alike maps of another seed are, of methods that draw and are not scored.
    colours
        What the colours of its methods mean.

    """

    variant: str
    columns: list[str]
    run: str
    shown: list[Shown]
    withheld: str
    scored: str
    redrawn: str
    colours: str

    @property
    def judged(self) -> bool:
        """Whether maps were scored."""
        return not self.scored.startswith(UNSCORED)

    @property
    def outlined(self) -> bool:
        """Whether the place of a finding is drawn anywhere."""
        return any("outlined" in one.text for one in self.shown)


def read_galleries(
    study: str,
    explain: Mapping[str, Explain],
    *,
    results: Path,
    several_runs: bool,
    restricted: bool,
) -> tuple[Gallery, ...]:
    """Read the galleries of a study's variants.

    Parameters
    ----------
    study
        Its name.
    explain
        The block of `params.yaml`.
    results
        `results/explanations`.
    several_runs
        Whether the plan has several folds or seeds.
    restricted
        Whether the study's pixels have a remote of their own, to which its gallery goes.

    """
    names = [name for name, block in explain.items() if block.study == study]
    return tuple(
        _gallery(name, results / name, several_runs=several_runs, restricted=restricted)
        for name in names
    )


def _gallery(variant: str, folder: Path, *, several_runs: bool, restricted: bool) -> Gallery:
    facts, place = read_json(folder / "facts.json"), folder / "gallery"
    told = [] if restricted else read_json(place / "gallery.json")
    run = facts["run"]
    return Gallery(
        variant=variant,
        columns=["film", *(_method(key, how) for key, how in facts["methods"].items())],
        run=f"fold {run['fold']}, seed {run['seed']}" if several_runs else "",
        shown=[_shown(place, one) for one in told],
        withheld=f"{place}" if restricted else "",
        scored=_scored(facts),
        redrawn=" ".join(_redrawn(key, one) for key, one in facts["other_seed"].items()),
        colours=_colours(facts["methods"]),
    )


def _method(key: str, how: Mapping[str, Any]) -> str:
    """Say what a column shows: the key of a method, its name and its own settings."""
    known = ("name", "preset", "scored", "look")
    own = ", ".join(f"{name} {value}" for name, value in how.items() if name not in known)
    name = how["name"] if how["name"] != key else ""
    published = f"as published: {how['preset']}" if how["preset"] else ""
    said = "; ".join(text for text in (name, published, own) if text)
    return f"{key} ({said})" if said else key


def _colours(methods: Mapping[str, Mapping[str, Any]]) -> str:
    """Say what colours mean, once for each look, with its columns where there are several."""
    columns: dict[str, list[str]] = {}
    for key, how in methods.items():
        columns.setdefault(how["look"], []).append(key)
    if len(columns) == 1:
        return f"Colours: {COLOURS[next(iter(columns))]}."
    said = (f"{', '.join(keys)}: {COLOURS[look]}" for look, keys in columns.items())
    return f"Colours of {'; of '.join(said)}."


def _scored(facts: Mapping[str, Any]) -> str:
    if not facts["boxes"]:
        return (
            f"{UNSCORED}: this study has no boxes of what it asks about (docs/how-to/"
            "explanations.md says how to add some)."
        )
    counts = " and ".join(f"{whole(n)} cases of {part}" for part, n in facts["scored"].items())
    return f"Maps are scored on {counts}, drawn at random among those whose finding has a place."


def _redrawn(key: str, one: Mapping[str, Any]) -> str:
    """Say how much the maps of a method move with the seed: 1 were the same map."""
    return (
        f"Another seed gives other maps of {key}: rank correlation {decimal(one['median'])} (median"
        f" of {whole(one['n'])} maps, the least {decimal(one['least'])})."
    )


def _shown(folder: Path, one: Mapping[str, Any]) -> Shown:
    said = [
        f"Probability {decimal(one['probability'])} ({'yes' if one['decided'] else 'no'}).",
        _bin(one["bin"]),
        {True: "Truth: present.", False: "Truth: absent.", None: "Truth: unknown."}[one["truth"]],
        *_slices(one.get("views", ())),
        "Its known place is outlined." if one.get("outlined") else "",
        f"No picture: {one['withheld']}." if one["file"] is None else "",
    ]
    return Shown(
        title=f"{one['label']}, {WHY[one['why']]}",
        text=" ".join(text for text in said if text),
        picture=None if one["file"] is None else folder / one["file"],
        shares=_shares(one.get("table", {})),
    )


def _bin(block: Mapping[str, float] | None) -> str:
    if block is None:
        return "No case of tune had a probability like it."
    low, high = (percent(block[name]) for name in ("low", "high"))
    cases = counted(int(block["n_cases"]), "tune case", "tune cases")
    return (
        f"Of {cases} with a probability like it, {percent(block['share'])} [{low}, {high}] had it."
    )


def _slices(views: Sequence[Sequence[Any]]) -> list[str]:
    """Say which slices of volumes are shown."""
    deep = [f"{view} {number} of {count}" for view, number, count in views if count > 1]
    return [f"Slices: {', '.join(deep)}."] if deep else []


def _shares(table: Mapping[str, Mapping[str, float]]) -> list[tuple[str, str]]:
    """Return the largest contributions of covariates, by the first method that tells any."""
    shares = next(iter(table.values()), {})
    largest = sorted(shares.items(), key=lambda item: (-abs(item[1]), item[0]))[:MOST]
    return [(name, decimal(share, sign=True)) for name, share in largest]
