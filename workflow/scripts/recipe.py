"""Resolve a variant into its recipe: settings, hashes of inputs, versions.

Reads   presets/, data/<study>/store, data/<study>/split.parquet, weights/<name> or the
        weights.safetensors of another variant's run
Writes  results/runs/<variant>/recipe.json, parts.json (which parts are predicted)
"""

import logging
from pathlib import Path

from radpipe.core.errors import ConfigError, StaleError
from radpipe.core.files import read_json, write_text
from radpipe.core.recipe import artifacts_of, make_recipe, parts_text, stored_image
from radpipe.core.settings import Image, Variant
from radpipe.core.step import Job, Step

log = logging.getLogger("radpipe.recipe")

STEP = Step(
    "recipe",
    __doc__,
    run="{variant}",
    layers=("core",),
    options={"variant": str, "study": str},
    reads=("store", "split", "weights", "presets"),
    writes=("out", "parts"),
    settings=(
        "variants.{variant}",
        "studies.{study}.target",
        "studies.{study}.image",
        "plan.open_test",
    ),
)


def main(job: Job) -> None:
    """Check that the inputs are the variant's own, resolve, write."""
    args = job.args
    variant: Variant = job.setting(f"variants.{args.variant}")
    image: Image = job.setting(f"studies.{args.study}.image")
    check_options(job, variant)
    if args.store == Path("data", args.study, "store"):
        check_store(args.store, image, study=args.study)
    recipe = make_recipe(
        args.variant,
        variant,
        target=job.setting(f"studies.{args.study}.target"),
        image=stored_image(args.store, image),
        artifacts=artifacts_of(
            {kind: str(getattr(args, kind)) for kind in variant.inputs}, job.hashes
        ),
        presets=args.presets,
    )
    write_text(args.out, recipe.text)
    write_text(args.parts, parts_text(args.study, job.setting("plan.open_test")))
    job.fact(recipe=recipe.sha256)
    log.info(
        "resolved %s: model=%s preset=%s recipe=%s",
        args.variant,
        recipe.model.name,
        recipe.preset,
        recipe.sha256[:12],
    )


def check_options(job: Job, variant: Variant) -> None:
    """Refuse a command line that does not say what params.yaml says."""
    args = job.args
    for option in ("study", "store", "weights"):
        asked, came = getattr(variant, option), str(getattr(args, option))
        if came != str(asked if option == "study" else Path(asked)):
            raise ConfigError(
                f"--{option} {came}: variants.{args.variant}.{option} is {asked}. Give that, or"
                " change params.yaml."
            )


def check_store(store: Path, image: Image, *, study: str) -> None:
    """Refuse a store whose pictures were made with other settings than those of now."""
    made = read_json(store / "fingerprint.json").get("image")
    now = image.model_dump(mode="json")
    if made is None or made == now:
        return
    differs = [
        f"{key} {made.get(key)!r}, now {now[key]!r}" for key in now if made.get(key) != now[key]
    ]
    raise StaleError(
        f"{store}: its pictures were made with other settings than studies.{study}.image"
        f" ({'; '.join(differs)}). Run snakemake (or dvc repro), which ingests again."
    )


if __name__ == "__main__":
    STEP(main)
