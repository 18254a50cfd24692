"""What can be answered about the first variant, and how it was made."""

from radpipe.app.checklists.facts import SETTINGS, Asked, Fact, filler, settings
from radpipe.app.report.estimates import decimal, whole
from radpipe.app.report.starts import told
from radpipe.core.imported import ONE_OF_SEVERAL


@filler
def technique(asked: Asked) -> Fact | None:
    """Name the network of the first variant; answers from a table have none."""
    if asked.study.best.imported:
        return None
    made = asked.study.best.metrics["recipe"]
    n = made.get("parameters")
    size = f", {whole(n)} parameters" if n else ""
    return Fact(
        f"Model {made['model']}{size} ({asked.study.best.name})",
        (f"{asked.scores}/metrics.json",),
    )


@filler
def model(asked: Asked) -> Fact | None:
    """List the model's settings."""
    recipe = asked.study.best.recipe
    if "model" not in recipe:
        return None
    n = asked.study.best.metrics["recipe"]["parameters"]
    return Fact(
        f"{settings(recipe['model'])}; {whole(n)} parameters; preset"
        f" {recipe.get('preset') or 'none'}",
        (f"{asked.scores}/recipe.json", f"{asked.scores}/metrics.json"),
    )


@filler
def inputs(asked: Asked) -> Fact | None:
    """Say what a model gets to see."""
    recipe = asked.study.best.recipe
    if "image" not in recipe:
        return None
    table = recipe.get("model", {}).get("table")
    also = f"; covariates: {settings(table)}" if table else ""
    side, channels = recipe["image"].get("side"), recipe["image"].get("channels")
    return Fact(
        f"Pixels, {side} x {side}, {channels}{also}",
        (f"{asked.scores}/recipe.json",),
        "when and how images were taken",
    )


@filler
def software(asked: Asked) -> Fact | None:
    """List versions; nothing of predictions that were not made here."""
    versions = asked.study.best.metrics["recipe"].get("versions")
    if not versions:
        return None
    text = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
    return Fact(
        f"radpipe, with {text}",
        (f"{asked.scores}/metrics.json",),
        "whether the model goes on learning once it is used",
    )


@filler
def version(asked: Asked) -> Fact:
    """Give the hash of the recipe."""
    return Fact(
        f"Recipe {asked.study.best.metrics['recipe']['sha256']}", (f"{asked.scores}/metrics.json",)
    )


@filler
def made(asked: Asked) -> Fact | None:
    """Say when it was trained and scored, as receipts do."""
    found = asked.study.made.get(asked.study.best.name)
    if found is None:
        return None
    commits = f", commit {', '.join(found.commits)}" if found.commits else ""
    return Fact(
        f"Trained and scored from {found.first} to {found.last} UTC{commits}",
        found.receipts,
        "who made it",
    )


@filler
def start(asked: Asked) -> Fact | None:
    """Say what weights a training began with."""
    if "weights" not in asked.study.best.recipe and not asked.study.best.metrics.get("ensemble"):
        return None
    return Fact(
        told(asked.study.best, asked.study_of),
        (f"{asked.scores}/recipe.json", f"{asked.scores}/metrics.json"),
    )


@filler
def training(asked: Asked) -> Fact | None:
    """List settings of training and augmentation."""
    best = asked.study.best
    if "train" not in best.recipe:
        return None
    runs = len(best.metrics["folds"]) * len(best.metrics["seeds"])
    return Fact(
        f"{runs} run{'s' if runs > 1 else ''}. Training: {settings(best.recipe['train'])}."
        f" Augmentation: {settings(best.recipe.get('augment') or {}) or 'none'}",
        (f"{asked.scores}/recipe.json", f"{asked.scores}/metrics.json"),
    )


@filler
def selection(asked: Asked) -> Fact | None:
    """Say how weights and variant were chosen."""
    metric = asked.study.best.recipe.get("train", {}).get("best_metric")
    if metric is None:
        return None
    return Fact(
        f"Weights of the epoch with the best {metric} on tune; variants are ranked by AUC on"
        f" {asked.study.part}",
        (f"{asked.scores}/recipe.json", f"results/comparison/{asked.study.name}-ranking.csv"),
    )


@filler
def ensemble(asked: Asked) -> Fact | None:
    """Say whether the first variant is a mean of several, and over how many runs."""
    best = asked.study.best
    if best.imported:
        return None
    if joined := best.metrics.get("ensemble"):
        text = f"Mean {joined['mean']} of {', '.join(joined['members'])}"
    else:
        folds, seeds = best.metrics["folds"], best.metrics["seeds"]
        text = f"No models of several variants; {len(folds)} folds, {len(seeds)} seeds"
    return Fact(text, (f"{asked.scores}/metrics.json",))


@filler
def imbalance(asked: Asked) -> Fact | None:
    """Say how classes were weighed, and that probabilities were calibrated afterwards."""
    train, point = asked.study.best.recipe.get("train"), asked.study.best.metrics["operating_point"]
    if not train:
        return None
    return Fact(
        f"Class weights: {train.get('class_weights')}; sampler: {train.get('sampler', 'shuffle')};"
        f" afterwards one temperature, {decimal(point['temperature'])}, chosen on"
        f" {point['chosen_on']}",
        (f"{asked.scores}/recipe.json", f"{asked.scores}/metrics.json"),
    )


@filler
def threshold(asked: Asked) -> Fact:
    """Give the operating point."""
    point = (
        asked.study.best.scores.get("operating_point")
        or asked.study.best.metrics["operating_point"]
    )
    values = ", ".join(map(decimal, point["thresholds"]))
    rule = f"{values}; rule {point['rule']}, chosen on {point['chosen_on']} and frozen"
    if asked.study.kind in ONE_OF_SEVERAL:
        rule = f"The most probable class is decided for; each class against the rest: {rule}"
    return Fact(
        rule,
        (f"{asked.scores}/metrics.json",),
    )


@filler
def output(asked: Asked) -> Fact | None:
    """Say what a model gives; nothing of answers from a table, which may be no probabilities."""
    if asked.study.best.imported:
        return None
    point = asked.study.best.metrics["operating_point"]
    decision = (
        "for the most probable class"
        if asked.study.kind in ONE_OF_SEVERAL
        else f"by {point['rule']}"
    )
    return Fact(
        f"A probability of each of {', '.join(asked.study.classes)}, after a temperature of"
        f" {decimal(point['temperature'])}, and a decision {decision}",
        (f"{asked.scores}/metrics.json",),
    )


@filler
def record(asked: Asked) -> Fact:
    """Name where all settings are."""
    return Fact(
        f"All settings in {SETTINGS}, those of the first variant in its recipe",
        (SETTINGS, f"{asked.scores}/recipe.json"),
        "where the protocol of the study is",
    )


@filler
def available(asked: Asked) -> Fact | None:
    """Name the commit that results were made from."""
    found = asked.study.made.get(asked.study.best.name)
    if found is None or not found.commits:
        return None
    changes = "" if found.clean else ", with changes that no commit holds"
    return Fact(
        f"Code and settings: commit {', '.join(found.commits)}{changes}",
        found.receipts,
        "where it can be had, and under which licence; the same of model and data",
    )
