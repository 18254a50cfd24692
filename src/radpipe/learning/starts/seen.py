"""What weights that others learned have seen of a study: held to published lists, else to names."""

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from radpipe.core.borrowed import Learned, Listed, is_start, list_file, read_borrowed, whole
from radpipe.core.errors import ConfigError, DataError
from radpipe.core.recipe import Recipe
from radpipe.core.starting import start_of
from radpipe.core.tables import read_table
from radpipe.core.terms import Terms
from radpipe.learning.data.features import FeatureStore
from radpipe.learning.networks.network import read_about
from radpipe.learning.starts.images import listed_images, names_in
from radpipe.learning.starts.lineage import NAMES

log = logging.getLogger("radpipe.train")


@dataclass(frozen=True)
class Seen:
    """Weights that others learned, in the lineage of a run.

    Attributes
    ----------
    start, function, tensors
        Their name, what they are weights of, and the hash of their file.
    learned_from
        The data sets, the hash of the list of their images where one is published, and how many
        cases of the run's study stand on it.
    tune
        Cases of the run's `tune` that stand on such a list.
    terms
        What their licence restricts; None: nothing, or it is not known.

    """

    start: str
    function: str
    tensors: str
    learned_from: tuple[Learned, ...]
    tune: int = 0
    terms: Terms | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """What stands beside the weights of the run, as JSON values."""
        names = ("start", "function", "tensors", "tune")
        learned_from = [each.model_dump(mode="json") for each in self.learned_from]
        facts = {**{name: getattr(self, name) for name in names}, "learned_from": learned_from}
        return facts | ({"terms": self.terms.model_dump(mode="json")} if self.terms else {})


def read_seen(recipe: Recipe, *, tune: Collection[str]) -> tuple[Seen, ...]:
    """Read which weights of others a run starts from, itself or through other runs.

    Parameters
    ----------
    recipe, tune
        See `hold_seen`.

    Raises
    ------
    ConfigError, StaleError
        See `hold_seen`.
    DataError
        The file of weights does not say what it comes from.

    """
    named = [("weights", recipe.weights)]
    named += [("further_weights", each) for each in recipe.further_weights]
    return tuple(
        seen
        for setting, given in named
        for seen in hold_seen(recipe, starts_of(Path(given.path)), tune=tune, setting=setting)
    )


def hold_seen(
    recipe: Recipe, starts: Iterable[Seen], *, tune: Collection[str], setting: str
) -> tuple[Seen, ...]:
    """Hold a run's study to which data weights of others have seen with which it begins.

    Parameters
    ----------
    recipe, starts
        Of the run, and the weights, taken by itself, through other runs or through features.
    tune
        The cases of its `tune`; those of `test` are read from its split.
    setting
        Of the variant, that names the weights or the features.

    Raises
    ------
    ConfigError
        Cases of `test` stand on a list of what these weights have learned from.
    StaleError
        A list is not here, or was changed.

    """
    where = f"{recipe.place}.{setting}"
    return tuple(_counted(recipe, each, set(tune), where) for each in starts)


def starts_of(path: Path) -> list[Seen]:
    """Read which weights of others a start is, or those with which the run that made it began.

    Raises
    ------
    DataError
        The file of weights does not say what it comes from.

    """
    if is_start(path):
        start = read_borrowed(path)
        learned_from = tuple(start.learned_from)
        return [Seen(start.name, start.function, start.tensors, learned_from, terms=start.terms)]
    # Of another project, studies of ours have other names; hits are always those of another run.
    foreign = {} if start_of(str(path)) else {"studies": (), "unrelated": ()}
    return seen_in(read_about(path).get("borrowed", ()), path, foreign)


def starts_behind(features: FeatureStore) -> list[Seen]:
    """Return the weights of others that a frozen network comes from."""
    return seen_in(features.frozen.borrowed, features.path)


def seen_in(
    blocks: Iterable[Mapping[str, Any]], path: Path, foreign: Mapping[str, Any] | None = None
) -> list[Seen]:
    """Read what a file says of the weights of others that it comes from.

    Parameters
    ----------
    blocks, path
        What `Seen.facts` returned, and the file that it stood in.
    foreign
        What is to be forgotten, because it was said in another project.

    Raises
    ------
    DataError
        It is something else.

    """
    try:
        return [
            Seen(
                each["start"],
                each["function"],
                each["tensors"],
                tuple(
                    Learned.model_validate({**one, **(foreign or {}), "hits": None})
                    for one in each["learned_from"]
                ),
                terms=Terms.model_validate(each["terms"]) if "terms" in each else None,
            )
            for each in blocks
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{path}: does not say which weights it has started from ({error!r}). Train that run"
            " again."
        ) from error


def _counted(recipe: Recipe, start: Seen, tune: set[str], where: str) -> Seen:
    """Hold the study's cases to the lists of a start, which a setting `where` names."""
    split = read_table(Path(recipe.split.path), ["case", "part", *NAMES])
    test = set(split.filter(pc.equal(split["part"], "test"))["case"].to_pylist())
    known: set[str] = set()
    learned_from = []
    for each in start.learned_from:
        if each.list is None or recipe.study in each.unrelated:
            learned_from.append(each)
            continue
        short = recipe.study in each.studies
        cases = cases_on(each.list, Path(recipe.store.path), split, start.start, short=short)
        if shared := cases & test:
            raise ConfigError(
                f"{where}: {start.start} has learned from"
                f" {len(shared)} of the {len(test)} cases in `test` of {recipe.study}, by the"
                f" published list of its {each.list.names} from {each.data_set}, so its scores"
                " would say nothing of new patients. The way out: weights that have not seen them,"
                " such as weights/random.json; a split whose test part they have not seen (official"
                f" parts); or, if {recipe.study} certainly does not come from {each.data_set} and"
                " only names are alike, `unrelated` beside the data set in the descriptor of these"
                " weights (docs/how-to/borrowed-weights.md)."
            )
        known |= cases & tune
        learned_from.append(each.model_copy(update={"hits": len(cases)}))
        tell_hits(start.start, each, len(cases), split, recipe.study)
    if known:
        log.warning(
            "%s has learned from %d of the %d cases in `tune`: what is chosen by them looks too"
            " good; scores on `test` do not suffer",
            start.start,
            len(known),
            len(tune),
        )
    return replace(start, learned_from=tuple(learned_from), tune=len(known))


def tell_hits(start: str, learned: Learned, hits: int, split: pa.Table, study: str) -> None:
    """Log how many cases of a study stand on a list; warn of none, which proves little."""
    text = "%s: %d of %d cases of %s stand on the list of what it has learned from %s"
    if not hits:
        text += (
            "; either it has learned from none of them, or the list names them in another way, so"
            " that the name of the data set counts"
        )
    level = logging.INFO if hits else logging.WARNING
    log.log(level, text, start, hits, split.num_rows, study, learned.data_set)


def cases_on(
    listed: Listed, store: Path, split: pa.Table, start: str, *, short: bool = False
) -> set[str]:
    """Return the cases of a study that stand on a list, by an image or by their patient.

    Parameters
    ----------
    listed
        What the step weights has kept of the list.
    store
        Folder of the study's pixels, whose index names their files.
    split
        Columns case, patient and named of `split.parquet`.
    start
        Name of the weights, for messages.
    short
        Whether the study comes from the list's data set, so that short names of images count.

    Raises
    ------
    StaleError
        The list is not here, or was changed.

    """
    names = names_in(whole(list_file(listed.sha256), listed.sha256, start))
    if listed.names == "patients":
        theirs = pa.array(sorted(set(names)), pa.string())
        on_it = [pc.is_in(split[column].cast(pa.string()), theirs) for column in NAMES]
        return set(split.filter(pc.or_(*on_it))["case"].to_pylist())
    index = read_table(store / "index.parquet", ["case", "file"])
    # A film may show two cases, such as the knees of one patient.
    images: dict[str, set[str]] = {}
    for file, case in zip(index["file"].to_pylist(), index["case"].to_pylist(), strict=True):
        images.setdefault(file, set()).add(case)
    return listed_images(images, names, short=short)
