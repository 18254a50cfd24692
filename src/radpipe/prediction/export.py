"""A run's predictor out of its project: files that belong together, in one folder."""

import shutil
from pathlib import Path

from radpipe.core.folders import require_new
from radpipe.learning.data.features import FeatureStore, is_features
from radpipe.learning.starts.frozen import make_backbone, save_backbone
from radpipe.prediction.description import DESCRIPTION, FrozenNetwork, read_description
from radpipe.prediction.predictor import Predictor


def gather(
    run: Path, out: Path, *, detector: Path | None, features: Path | None = None
) -> Predictor:
    """Copy a predictor and open the copy.

    Parameters
    ----------
    run
        Folder of the run.
    out
        Folder to fill; it is made, or empty.
    detector
        Where the project keeps the detector that the run's crops come from; None: it has none.
    features
        Where the project keeps the features that the run's head takes, if it is a head. Their
        frozen network is built anew from the weights that it starts from.

    Raises
    ------
    ConfigError
        The folder holds something.
    DataError
        Something is missing, or is not what `predictor.json` was written for.

    """
    what = read_description(run)
    require_new(out)
    sources = {what.weights.file: what.weights.check(run / what.weights.file)}
    if what.joints is not None:
        named = what.joints.detector
        sources[named.file] = named.check(run / named.file if detector is None else detector)
    if what.likeness is not None:
        named = what.likeness.statistics
        sources[named.file] = named.check(run / named.file)
    out.mkdir(parents=True, exist_ok=True)
    for name, source in sources.items():
        shutil.copyfile(source, out / name)
    if what.backbone is not None:
        _write_backbone(run if features is None else features, out, what.backbone)
    # The last, so that a copy which was cut short is none.
    shutil.copyfile(run / DESCRIPTION, out / DESCRIPTION)
    return Predictor.open(out)


def _write_backbone(features: Path, out: Path, what: FrozenNetwork) -> None:
    """Write the weights of a frozen network, or copy them from another copy of the predictor."""
    named = what.weights
    if not is_features(features):
        shutil.copyfile(named.check(features / named.file), out / named.file)
        return
    frozen = FeatureStore(features).frozen
    made = make_backbone(
        frozen.recipe,
        n_channels=frozen.n_channels,
        n_views=frozen.n_views,
        volumes=frozen.volumes,
    )
    save_backbone(out / named.file, made.network)
    named.check(out / named.file)
