"""The few numbers that DVC shows of each study, and those of every variant."""

from collections.abc import Iterable, Sequence

from radpipe.app.report.results import StudyResults, VariantResults
from radpipe.core.cards import RANKED_BY


def best_metrics(studies: Sequence[StudyResults]) -> dict[str, dict[str, str | float]]:
    """Return, for every study, its first variant (`best`) and that one's headline metrics.

    They are what `dvc exp show` and `dvc metrics diff` put side by side, so they are few. The
    numbers are those of `variant_metrics`; a study whose first variant has none is left out.
    """
    numbers = variant_metrics(studies)
    return {
        study.name: {"best": study.best.name, **numbers[study.best.name]}
        for study in studies
        if study.best.name in numbers
    }


def variant_metrics(studies: Sequence[StudyResults]) -> dict[str, dict[str, float]]:
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
