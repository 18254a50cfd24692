"""The few numbers that `dvc exp show` and `dvc metrics show` put side by side."""

from collections.abc import Iterable, Sequence

from radpipe.app.report.results import StudyResults, VariantResults
from radpipe.core.cards import RANKED_BY


def flat_metrics(studies: Sequence[StudyResults]) -> dict[str, dict[str, float]]:
    """Return, for every variant, the headline metrics that it has, with their intervals.

    Rounded to 4 decimals. The part is `test` where the study was opened, else `tune`. What has
    no interval is left out, and so is a variant whose AUC has none.
    """
    found: dict[str, dict[str, float]] = {}
    for study in studies:
        names = [card.name for card in study.cards.values() if card.headline]
        for variant in study.variants:
            if variant.estimate(RANKED_BY) is not None:
                found[variant.name] = _block(variant, names)
    return dict(sorted(found.items()))


def _block(variant: VariantResults, names: Iterable[str]) -> dict[str, float]:
    block = {}
    for name in names:
        estimate = variant.estimate(name)
        if estimate is not None:
            block[name] = round(estimate.value, 4)
            block[f"{name}_low"] = round(estimate.low, 4)
            block[f"{name}_high"] = round(estimate.high, 4)
    return block
