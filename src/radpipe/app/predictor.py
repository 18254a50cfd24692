"""`radpipe export` and `radpipe predict`: trained models that leave the house."""

import logging
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from radpipe.app.telemetry import run_of
from radpipe.core.environment import use_kernels
from radpipe.core.errors import ConfigError, RadpipeError, StaleError
from radpipe.core.files import write_text
from radpipe.core.folders import new_folder, require_new
from radpipe.core.graph import Graph
from radpipe.core.params import Params
from radpipe.core.plurals import counted
from radpipe.core.recipe import Recipe, read_recipe
from radpipe.core.settings.features import features_of
from radpipe.core.starting import ancestors
from radpipe.engines.freshness import Freshness
from radpipe.prediction.description import Description, read_description

if TYPE_CHECKING:
    from pydicom import Dataset

    from radpipe.imaging.read import Side
    from radpipe.prediction.raw import RawCase

log = logging.getLogger("radpipe.app")


def export(
    params: Params,
    *,
    run: str,
    folder: Path,
    restricted: bool = False,
    onnx: bool = False,
    archive: bool = False,
) -> None:
    """Copy all that a trained run needs to judge new files into a folder of its own.

    Parameters
    ----------
    params
        Says what the run should be.
    run
        `<variant>-fold-<f>-seed-<s>`, or `<variant>` for the plan's first fold and seed.
    folder
        Where to; new or empty.
    restricted
        The user knows that the run has learned from data that may not go everywhere.
    onnx
        Write it as ONNX, too, compared on cases of the study.
    archive
        `folder` is a file to put all into, .zip.

    Raises
    ------
    StaleError
        The run is not what the settings, the code and the files of now would give.
    ConfigError
        The run has learned from restricted data, it is an ensemble's, or the folder holds
        something.

    """
    chosen = run_of(run, params)
    graph = Graph(params)
    predicted = graph.runs["predict", str(chosen)]
    if reasons := Freshness(graph, trust_memory=False).reasons(predicted):
        raise StaleError(
            f"{chosen} is not what would be made now:\n  "
            + "\n  ".join(reasons)
            + "\nThe way out: run snakemake (or dvc repro), then export again."
        )
    place = chosen.history.parent
    recipe = recipe_of(place)
    sources = restricted_studies(params, chosen.variant)
    if sources and not restricted:
        raise ConfigError(
            f"{chosen} has learned from {', '.join(sources)}, whose data may only go to a remote of"
            " their own. Weights can give away what they learned from, and hold the hashes of"
            " patients' names. If the agreement on the data allows it: radpipe export --restricted."
        )
    if not archive:
        require_new(folder)
        with new_folder(folder) as filled:
            _fill(place, filled, recipe, onnx=onnx)
        log.info("exported %s to %s: files=%d", chosen, folder, len(list(folder.iterdir())))
        return
    from radpipe.prediction.archive import check_archive, pack

    check_archive(folder)
    with TemporaryDirectory() as name:
        _fill(place, Path(name), recipe, onnx=onnx)
        pack(Path(name), folder)
    log.info("exported %s to %s: bytes=%d", chosen, folder, folder.stat().st_size)


def _fill(run: Path, folder: Path, recipe: Recipe, *, onnx: bool) -> None:
    """Write the files of an exported model into a folder."""
    # torch does not concern the commands that only look at receipts.
    from radpipe.app.model_card import CARD, card_text
    from radpipe.prediction.describing import detector_of
    from radpipe.prediction.export import gather

    what = read_description(run)
    if onnx and "torch" not in sys.modules:
        use_kernels(what.train.kernels_to("predict"))
    features = Path(recipe.store.path) if features_of(recipe.store.path) else None
    predictor = gather(run, folder, detector=detector_of(recipe), features=features)
    if onnx:
        from radpipe.prediction.onnx_file import cases_of, write_onnx

        receipt = write_onnx(predictor, folder, *cases_of(recipe, predictor.description.fold))
        log.info(
            "model.onnx: opset=%d cases=%d largest difference=%.2g of %g allowed",
            receipt.opset,
            receipt.cases,
            receipt.largest_difference,
            receipt.limit,
        )
    names = [file.name for file in folder.iterdir()]
    write_text(folder / CARD, card_text(predictor.description, names))


def recipe_of(run: Path) -> Recipe:
    """Read the recipe of a run's folder."""
    return read_recipe(run / "recipe.json")


def restricted_studies(params: Params, variant: str) -> list[str]:
    """List the studies with a remote of their own that a variant or what it starts from uses.

    Those of the targets and those of the pixels.
    """
    lineage = [variant, *ancestors(variant, params.origins)]
    variants = [params.origins[name] for name in lineage]
    names = {each.study for each in variants}
    names |= {name for each in variants for name in Path(each.store).parts[1:2]}
    return sorted(
        name for name in names if name in params.studies and params.studies[name].remote is not None
    )


def predict(
    *,
    folder: Path,
    files: Sequence[Path] = (),
    table: Path | None = None,
    side: "Side | None" = None,
    out: Path | None = None,
    dicom: Path | None = None,
) -> None:
    """Judge new files with an exported run: probabilities, thresholds and decisions as CSV.

    Parameters
    ----------
    folder
        What `radpipe export` wrote.
    files
        Pictures, films or the volumes of exams, and folders of them.
    table
        CSV that names files and covariates, instead of `files`.
    side
        Which side files show, where cases are sides of the patient.
    out
        File for the answers; by default they are printed.
    dicom
        New or empty folder for the same answers as DICOM: reports, and pictures of where the model
        looked.

    Raises
    ------
    DataError, ConfigError
        The predictor or what it is asked is not whole.
    RadpipeError
        Some files have no answer; the others' are written.

    """
    if bool(files) == (table is not None):
        raise ConfigError("predict: give files, or a table that names them (--table).")
    if "torch" not in sys.modules:
        use_kernels(read_description(folder).train.kernels_to("predict"))
    from tqdm import tqdm

    from radpipe.prediction.files import cases_of_files, cases_of_table, csv_text
    from radpipe.prediction.predictor import Predictor

    predictor = Predictor.open(folder)
    what = predictor.description
    cases = cases_of_files(what, files, side) if table is None else cases_of_table(what, table)
    sources = [] if dicom is None else _sources(what, cases, dicom)
    with tqdm(total=len(cases), desc="predict", unit="case", file=sys.stderr, delay=2) as bar:
        answers = predictor.predict(cases, told=bar.update)
    text = csv_text(answers)
    if out is None:
        sys.stdout.write(text)
    else:
        write_text(out, text)
        log.info("wrote %s: cases=%d", out, len(cases))
    if dicom is not None:
        from radpipe.explaining.captures import map_pictures
        from radpipe.explaining.dicom_answers import write_answers

        pictures = map_pictures(predictor, cases, answers)
        written = write_answers(
            dicom, what, cases, answers, sources, pictures, now=datetime.now().astimezone()
        )
        log.info("wrote %s: files=%d", dicom, len(written))
    if n := sum(map(bool, answers.problems)):
        raise RadpipeError(
            f"{counted(n, 'case has', 'cases have')} no answer, of {len(cases)}; the column"
            " `problem` says why."
        )


def _sources(what: Description, cases: "Sequence[RawCase]", folder: Path) -> "list[Dataset]":
    """Read what DICOM answers carry on, before anything is computed."""
    from radpipe.explaining.dicom_answers import import_highdicom
    from radpipe.explaining.dicom_headers import read_sources

    require_new(folder)
    import_highdicom()
    return read_sources(what, cases)
