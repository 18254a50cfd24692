"""The few numbers that `dvc exp show` and `dvc metrics show` put side by side."""

from collections.abc import Sequence

from radpipe.app.report.results import Study


def flat_metrics(studies: Sequence[Study]) -> dict[str, dict[str, float]]:
    """Return AUC with its interval for every variant, rounded to 4 decimals.

    The part is `test` where the study was opened, else `tune`. A variant whose AUC has no
    interval is left out.
    """
    found = {}
    for study in studies:
        for variant in study.variants:
            auc = variant.estimate("auc")
            if auc is not None:
                found[variant.name] = {
                    "auc": round(auc.value, 4),
                    "auc_low": round(auc.low, 4),
                    "auc_high": round(auc.high, 4),
                }
    return dict(sorted(found.items()))
