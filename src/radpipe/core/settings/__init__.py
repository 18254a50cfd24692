"""The blocks of `params.yaml` and `presets/`: every setting, its range, unit and reason.

A setting with a default may be left out; the default stands here and nowhere else.
"""

from radpipe.core.settings.augmentation import Augmentation
from radpipe.core.settings.base import Count, Fraction, Positive, Strict
from radpipe.core.settings.evaluation import Evaluation, Guarantee
from radpipe.core.settings.explain import Explain, Gallery, MethodChoice
from radpipe.core.settings.features import Features
from radpipe.core.settings.imported import Imported, Maker
from radpipe.core.settings.layers import Freeze, LayerRate, Thaw
from radpipe.core.settings.localize import Detection, Localize
from radpipe.core.settings.model import ModelChoice
from radpipe.core.settings.plan import Ensemble, Plan, Starting, Variant
from radpipe.core.settings.schedules import Constant, Cosine, OneCycle, Plateau, Schedule, StepDecay
from radpipe.core.settings.studies import (
    Arrays,
    ArraysSource,
    Dicom,
    Download,
    External,
    Image,
    Kind,
    PathSource,
    PhantomSource,
    Source,
    Split,
    Study,
    Target,
    UrlSource,
)
from radpipe.core.settings.training import Asymmetric, Training, Uncertain

__all__ = [
    "Arrays",
    "ArraysSource",
    "Asymmetric",
    "Augmentation",
    "Constant",
    "Cosine",
    "Count",
    "Detection",
    "Dicom",
    "Download",
    "Ensemble",
    "Evaluation",
    "Explain",
    "External",
    "Features",
    "Fraction",
    "Freeze",
    "Gallery",
    "Guarantee",
    "Image",
    "Imported",
    "Kind",
    "LayerRate",
    "Localize",
    "Maker",
    "MethodChoice",
    "ModelChoice",
    "OneCycle",
    "PathSource",
    "PhantomSource",
    "Plan",
    "Plateau",
    "Positive",
    "Schedule",
    "Source",
    "Split",
    "Starting",
    "StepDecay",
    "Strict",
    "Study",
    "Target",
    "Thaw",
    "Training",
    "Uncertain",
    "UrlSource",
    "Variant",
]
