"""A run's predictor out of its project: files that belong together, in one folder."""

import shutil
from pathlib import Path

from radpipe.core.errors import ConfigError
from radpipe.prediction.description import DESCRIPTION, read_description
from radpipe.prediction.predictor import Predictor


def gather(run: Path, out: Path, *, detector: Path | None) -> Predictor:
    """Copy a predictor and open the copy.

    Parameters
    ----------
    run
        Folder of the run.
    out
        Folder to fill; it is made, or empty.
    detector
        Where the project keeps the detector that the run's crops come from; None: it has none.

    Raises
    ------
    ConfigError
        The folder holds something.
    DataError
        Something is missing, or is not what `predictor.json` was written for.

    """
    what = read_description(run)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(f"{out}: holds something already; name a folder that is new or empty.")
    sources = {what.weights.file: what.weights.check(run / what.weights.file)}
    if what.joints is not None:
        named = what.joints.detector
        sources[named.file] = named.check(run / named.file if detector is None else detector)
    out.mkdir(parents=True, exist_ok=True)
    for name, source in sources.items():
        shutil.copyfile(source, out / name)
    # The last, so that a copy which was cut short is none.
    shutil.copyfile(run / DESCRIPTION, out / DESCRIPTION)
    return Predictor.open(out)
