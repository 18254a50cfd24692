"""`radpipe propose`: settings that fit a study, as text for params.yaml."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from radpipe.core.errors import DataError, unknown_name
from radpipe.core.params import Params
from radpipe.core.presets import load_preset
from radpipe.core.settings import Study
from radpipe.core.tables import read_table
from radpipe.exploring.cases import read_cases
from radpipe.exploring.detail import SAMPLED, detail_lost
from radpipe.exploring.pixels import AT_ONCE, evenly
from radpipe.exploring.proposal import Choice, Proposal, Seen
from radpipe.exploring.proposal import propose as choose
from radpipe.imaging.store import Store
from radpipe.studies.base.adapters import load_adapter, read_layout

PRESETS = Path("presets")
DATA = Path("data")
HEAD = """\
# Proposed for study {study} from its store of side {stored}: a start, not an optimum.
# Nothing was changed. To use it: put the block `image` in place of that of studies.{study} in
# params.yaml, and the block {variant} below variants; name it in plan.variants;
# then radpipe check and radpipe run. Another `image` makes the store, and with it every run of
# the study, again.
"""
CROPPED = """\
# Its joints are cut out: what is said of the side is about whole films, and crops have their own,
# localize.{study}.side.
"""


def propose(params: Params, *, study: str) -> None:
    """Propose side, resize, channels, batch, epochs and class weights for a study.

    Parameters
    ----------
    params
        Of the project.
    study
        Its name; its store and split must have been made.

    Raises
    ------
    ConfigError
        There is no such study.
    DataError
        It has no store or no split yet.

    """
    if study not in params.studies:
        raise unknown_name("study", study, params.studies)
    settings = params.studies[study]
    store, split = DATA / study / "store", DATA / study / "split.parquet"
    for path in (store, split):
        if not path.exists():
            raise DataError(
                f"{path}: missing, so there is nothing to propose from. The way out:"
                f" snakemake --cores 2 {split}"
            )
    seen = look(study, settings, Store(store), split)
    sys.stdout.write(text_of(choose(seen), seen, study=study, params=params))


def look(study: str, settings: Study, store: Store, split: Path) -> Seen:
    """Read what proposals are made from.

    Parameters
    ----------
    study, settings
        Name and block of the study.
    store
        Its pictures.
    split
        Its split.parquet.

    """
    adapter = load_adapter(settings.adapter)
    return Seen(
        fingerprint=store.fingerprint,
        detail=detail_lost(store),
        cases=read_cases(read_table(split), settings.target),
        image=settings.image,
        n_views=len(adapter.views(read_layout(study, adapter, settings.layout))),
        coloured=shows_colour(store),
    )


def shows_colour(store: Store) -> bool:
    """Tell whether channels of some stored pictures differ."""
    rows = evenly(np.flatnonzero(store.index["slices"].to_numpy() > 0), SAMPLED)
    for start in range(0, len(rows), AT_ONCE):
        pixels = store.middles(rows[start : start + AT_ONCE])
        if (pixels != pixels[..., :1]).any():
            return True
    return False


def text_of(proposal: Proposal, seen: Seen, *, study: str, params: Params) -> str:
    """Write a proposal as YAML, each value with its reason above it.

    Parameters
    ----------
    proposal, seen
        What is proposed, and from what.
    study
        Name of the study.
    params
        Of the project: a new variant gets a name that none has.

    Raises
    ------
    ConfigError
        The project's presets do not take what is proposed.

    """
    variant = _free(f"{study}-proposed", params)
    chosen = (proposal.batch_size, proposal.epochs, proposal.class_weights)
    train = dict(zip(("batch_size", "epochs", "class_weights"), chosen, strict=True))
    values = {"train": {name: choice.value for name, choice in train.items()}}
    load_preset(proposal.preset.value, values, where=f"variants.{variant}", root=PRESETS)
    head = HEAD.format(study=study, variant=variant, stored=seen.detail["stored"])
    head += CROPPED.format(study=study) if study in params.localize else ""
    lines = [*_sides(proposal), "studies:", f"  {study}:", "    image:"]
    lines += _image(proposal, seen)
    lines += ["variants:", f"  {variant}:", f"    study: {study}"]
    lines += [f"    store: data/{study}/store", *_lines("preset", proposal.preset, 4)]
    lines += ["    weights: weights/random.json", "    train:"]
    for name, choice in train.items():
        lines += _lines(name, choice, 6)
    return head + "\n".join(lines) + "\n"


def _free(name: str, params: Params) -> str:
    names = [name, *(f"{name}-{k}" for k in range(2, len(params.variants) + 3))]
    return next(free for free in names if free not in params.variants)


def _sides(proposal: Proposal) -> list[str]:
    """Write what other sides would cost as a table of comments."""
    head = "#   side   pictures enlarged   detail lost   work"
    rows = [
        f"#   {side:>4}   {100 * up:>15.1f} %   {100 * lost:>9.2f} %   {work:>4.1f}"
        for side, up, lost, work in proposal.sides
    ]
    return [head, *rows]


def _image(proposal: Proposal, seen: Seen) -> list[str]:
    """Write the block image: what is proposed, and what the study says besides."""
    lines = _lines("side", proposal.side, 6) + _lines("resize", proposal.resize, 6)
    lines += _lines("channels", proposal.channels, 6)
    rest = seen.image.model_dump(mode="json", exclude_unset=True)
    for name in ("side", "resize", "channels"):
        rest.pop(name, None)
    return lines + _block(rest, 6)


def _lines(name: str, choice: Choice, indent: int) -> list[str]:
    margin = " " * indent
    return [
        f"{margin}# {choice.why[0].upper()}{choice.why[1:]}.",
        f"{margin}{name}: {choice.value}",
    ]


def _block(values: dict[str, Any], indent: int) -> list[str]:
    if not values:
        return []
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
    return [f"{' ' * indent}{line}" for line in text.splitlines()]
