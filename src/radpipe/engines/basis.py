"""What many runs depend on, settings and code, in few small files for DVC to compare.

DVC parses all of `params.yaml` and walks every folder of code anew for each stage that names them,
so that looking at a plan grows with the square of its variants. One stage, `basis`, does both once
and writes down what came out; the stages of the many runs name these files instead. Snakemake needs
none of this: it asks receipts, which hold the same settings and hashes.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

from radpipe.core.files import files_below, json_text, write_text
from radpipe.core.hashes import Hashes
from radpipe.core.params import Params, lookup
from radpipe.core.receipts import PACKAGE, SCRIPTS

BASES = Path("results/basis")

log = logging.getLogger("radpipe.engines")


@dataclass(frozen=True)
class Basis:
    """What the runs of a step depend on besides files; the script's `STEP` declares the same.

    Attributes
    ----------
    layers
        Parts of the package.
    settings
        Templates of dotted paths in `params.yaml`; if they name a variant, each has a basis of its
        own, and otherwise all runs of the step share one.

    """

    layers: tuple[str, ...]
    settings: tuple[str, ...] = ()


OF_STEP = {
    "recipe": Basis(
        ("core",),
        (
            "variants.{variant}",
            "studies.{study}.target",
            "studies.{study}.image",
            "plan.open_test",
        ),
    ),
    "train": Basis(("core", "imaging", "learning")),
    "predict": Basis(
        ("core", "imaging", "learning", "evaluation", "prediction"),
        ("evaluation.threshold", "evaluation.sensitivity"),
    ),
    "evaluate": Basis(("core", "evaluation"), ("plan.folds", "plan.seeds", "evaluation")),
}


def write_basis(params: Params) -> None:
    """Write the settings and the code that many runs depend on, for DVC to compare."""
    texts = texts_of(params, Hashes())
    for file in files_below(BASES):
        if file not in texts:
            file.unlink()
    for file, text in texts.items():
        # What is as it was keeps its time, so that DVC needs not read it again.
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            write_text(file, text)
    log.info("wrote what runs depend on: files=%d", len(texts))


def texts_of(params: Params, hashes: Hashes) -> dict[Path, str]:
    """Return each file of the basis and what it should hold."""
    texts = {}
    for step in OF_STEP:
        code = {name: hashes.of(path) for name, path in code_of(step).items()}
        for file, keys in settings_of(step, params).items():
            settings = {key: lookup(params, key) for key in keys}
            texts[file] = json_text({"code": code, "settings": settings})
    return texts


def code_of(step: str) -> dict[str, Path]:
    """Return the script of a step and the folders of its layers, by name."""
    paths = [SCRIPTS / f"{step}.py", *(PACKAGE / layer for layer in OF_STEP[step].layers)]
    return {str(path): path for path in paths}


def settings_of(step: str, params: Params) -> dict[Path, list[str]]:
    """Return the files of a step's basis, and which settings of `params.yaml` stand in each."""
    keys = OF_STEP[step].settings
    if not any("{variant}" in key for key in keys):
        return {BASES / f"{step}.json": list(keys)}
    return {
        BASES / step / f"{name}.json": [
            key.format(variant=name, study=variant.study) for key in keys
        ]
        for name, variant in params.variants.items()
    }
