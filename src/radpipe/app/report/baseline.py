"""The plain models of a ranking, which every network has to beat."""

from radpipe.app.report.results import StudyResults, VariantResults

# Architectures of learning/models: linear maps of coarse pixels, of slices, of a table.
PLAIN = ("floor", "exam-floor", "table")


def is_baseline(variant: VariantResults) -> bool:
    """Tell whether a variant's network is a plain one."""
    return variant.metrics["recipe"].get("model") in PLAIN


def baselines(study: StudyResults) -> list[str]:
    """Return the names of a study's plain variants, the best first."""
    return [variant.name for variant in study.variants if is_baseline(variant)]
