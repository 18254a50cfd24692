"""The few numbers that `dvc exp show` and `dvc metrics show` put side by side."""

from collections.abc import Sequence

from radpipe.app.report.results import Study, Variant

# Only variants of ordinal studies have the second.
SHOWN = ("auc", "quadratic_kappa")


def flat_metrics(studies: Sequence[Study]) -> dict[str, dict[str, float]]:
    """Return AUC with its interval for every variant, of grades also quadratic kappa.

    Rounded to 4 decimals. The part is `test` where the study was opened, else `tune`. What has
    no interval is left out, and so is a variant whose AUC has none.
    """
    found: dict[str, dict[str, float]] = {}
    for study in studies:
        for variant in study.variants:
            if variant.estimate("auc") is not None:
                found[variant.name] = _block(variant)
    return dict(sorted(found.items()))


def _block(variant: Variant) -> dict[str, float]:
    block = {}
    for name in SHOWN:
        estimate = variant.estimate(name)
        if estimate is not None:
            block[name] = round(estimate.value, 4)
            block[f"{name}_low"] = round(estimate.low, 4)
            block[f"{name}_high"] = round(estimate.high, 4)
    return block
