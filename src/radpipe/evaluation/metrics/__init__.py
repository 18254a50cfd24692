"""Metrics: one registered function each, computed for many weightings of the cases at once.

A metric is called as `metric(sample, weights)`. `weights` has the shape (cases, draws) and
says how often each case counts in each draw: ones for the plain value, multiplicities for
bootstrap draws, zeros for what a jackknife or subgroup leaves out. A metric returns the
shape (1, draws), or (1 + columns, draws): its value in row 0, then one per class.

Undefined (no positives, nothing decided, probabilities that separate the classes) is NaN,
never 0. Over classes of which a case has exactly one, a mean needs all of them; over labels
it is taken over those that these cases can answer, so a label without positives drops out.
"""

from radpipe.evaluation.metrics import areas, decisions, grades, probabilities
from radpipe.evaluation.metrics.areas import weighted_auc
from radpipe.evaluation.metrics.base import METRICS, Metric, names_for, values
from radpipe.evaluation.metrics.probabilities import ECE_BINS, bin_of

__all__ = ["ECE_BINS", "METRICS", "Metric", "bin_of", "names_for", "values", "weighted_auc"]

# Importing a module files its metrics; the names here keep linters from dropping one.
_METRICS = (areas, decisions, grades, probabilities)
