"""A predictor as one ONNX file, which gets its name once it has said what the predictor says."""

import importlib
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from radpipe.core.errors import ConfigError, DataError
from radpipe.core.files import atomic, sha256_bytes, write_json
from radpipe.core.recipe import Recipe
from radpipe.imaging.store import ABSENT, Store
from radpipe.learning.data.cases import Cases, Pixels, read_part
from radpipe.learning.data.features import FeatureStore, open_store
from radpipe.learning.training.run import arithmetic
from radpipe.prediction.description import Description
from radpipe.prediction.onnx_graph import OUTPUTS, Graph, inputs_of
from radpipe.prediction.predictor import Predictor

Arrays = dict[str, NDArray[Any]]

MODEL, RECEIPT = "model.onnx", "onnx.json"
OPSET = 20
# Largest difference of a probability or score between both programs.
LIMIT = 1e-4
# Cases on which both are asked.
CASES = 200
# Cases in a batch while exporting, and in one of the comparison: a fixed number would be seen.
SHOWN, TOGETHER = 3, 5
# Libraries that tell, at the level of radpipe's own messages, of every node that they simplify.
TALKATIVE = ("onnx_ir", "onnxscript")


@dataclass(frozen=True)
class Receipt:
    """What `onnx.json` holds: what the file takes and gives, and how it was compared.

    Attributes
    ----------
    cases
        How many both programs were asked about.
    largest_difference
        Of a score or probability between the file and the predictor.

    """

    sha256: str
    cases: int
    largest_difference: float
    inputs: dict[str, list[int | str]]
    outputs: dict[str, list[str]]
    classes: list[str]
    versions: dict[str, str]
    file: str = MODEL
    opset: int = OPSET
    limit: float = LIMIT
    pixels: str = "float32, 0 to 1: stored values divided by 255 or, of 16 bits, 65535"
    notes: list[str] = field(
        default_factory=lambda: [
            "Normalisation and temperature are inside. Reading of files, mirroring of left sides,"
            " joints and `unlike` are not: predictor.json says how pictures become squares."
        ]
    )


def cases_of(recipe: Recipe, fold: int) -> tuple[Pixels, list[Cases]]:
    """Return the pixels of a run's study, and up to `CASES` cases of its tune, then train part."""
    store, model = open_store(Path(recipe.store.path)), recipe.model
    pixels: Pixels = store
    if isinstance(store, FeatureStore):
        frozen = store.frozen.recipe
        pixels, model = Store(Path(frozen.store.path)), frozen.model
    parts, left = [], CASES
    for part in ("tune", "train"):
        split = Path(recipe.split.path)
        found = read_part(split, pixels, recipe.target, part=part, fold=fold, model=model)
        if n := min(left, len(found)):
            parts.append(found.take(np.arange(n)))
        left -= n
    return pixels, parts


def write_onnx(
    predictor: Predictor, folder: Path, store: Pixels, parts: Sequence[Cases]
) -> Receipt:
    """Write a predictor as `model.onnx` and `onnx.json`, once onnxruntime has agreed with it.

    Parameters
    ----------
    predictor
        With its frozen network, if it is a head.
    folder
        Where to; it exists.
    store, parts
        On which both are asked, see `cases_of`: pixels, also where the predictor is a head.

    Raises
    ------
    ConfigError
        The extra `onnx` is not installed, or there is no such form of the network.
    DataError
        The network cannot be exported, its file does not run, or both differ by more than `LIMIT`;
        there is then no file.

    """
    runtime = _runtime()
    what = predictor.description
    graph = Graph(what, predictor.network, predictor.backbone).eval()
    batches = [batch for cases in parts for batch in _batches(what, graph, store, cases)]
    with arithmetic(what.train):
        with _possible("write"):
            content = _content(graph, {name: rows[:SHOWN] for name, rows in batches[0].items()})
        said = [predictor.judged(store, cases) for cases in parts]
    wanted = [np.concatenate(pieces) for pieces in zip(*said, strict=True)]
    with _possible("run"):
        found = _asked(runtime, content, batches)
    largest = max(float(np.abs(a - b).max()) for a, b in zip(found, wanted, strict=True))
    if not largest <= LIMIT:
        raise DataError(
            f"model.onnx differs from the predictor by {largest:.2g}, and {LIMIT:g} is allowed, so"
            " it was not kept. Export without --onnx, and report the network's architecture:"
            " docs/how-to/report-a-problem.md."
        )
    receipt = Receipt(
        sha256=sha256_bytes(content),
        cases=len(wanted[0]),
        largest_difference=largest,
        inputs={name: _axes(name, array) for name, array in batches[0].items()},
        outputs={name: ["cases", "classes"] for name in OUTPUTS},
        classes=list(what.target.classes),
        versions={name: version(name) for name in ("torch", "onnx", "onnxscript", "onnxruntime")},
    )
    with atomic(folder / MODEL) as temporary:
        temporary.write_bytes(content)
    write_json(folder / RECEIPT, asdict(receipt))
    return receipt


@contextmanager
def _possible(verb: str) -> Iterator[None]:
    """Say in one line that a network has no ONNX form: what libraries raise has many names."""
    try:
        yield
    except ConfigError:
        raise
    except Exception as error:
        words = next(iter(str(error).splitlines()), "")
        raise DataError(
            f"export --onnx: cannot {verb} this architecture as ONNX ({type(error).__name__}:"
            f" {words[:200]}). The way out: export without --onnx."
        ) from error


def _runtime() -> ModuleType:
    """Import the libraries of the extra, which takes seconds."""
    try:
        for name in ("onnx", "onnxscript"):
            importlib.import_module(name)
        return importlib.import_module("onnxruntime")
    except ImportError as error:
        raise ConfigError(
            f"export --onnx needs the packages onnx, onnxruntime and onnxscript ({error}). The way"
            " out: pip install 'radpipe[onnx]'; in a clone `make install` has them."
        ) from error


def _axes(name: str, array: NDArray[Any]) -> list[int | str]:
    """Name the axes of an input whose length is free."""
    free: list[int | str] = ["cases"]
    if array.ndim == 5:
        free.append(f"most slices of {name}")
    return [*free, *array.shape[len(free) :]]


def _content(graph: Graph, batch: Arrays) -> bytes:
    """Export a graph, and take off whatever says where and when it was made."""
    cases = torch.export.Dim("cases")
    free = []
    for name, array in batch.items():
        dims = {0: cases}
        if array.ndim == 5:
            dims[1] = torch.export.Dim(f"{name}_most_slices")
        free.append(dims)
    for library in TALKATIVE:
        logging.getLogger(library).setLevel(logging.WARNING)
    with warnings.catch_warnings():
        # torch warns of its own deprecated parts.
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            graph,
            tuple(torch.from_numpy(array) for array in batch.values()),
            dynamo=True,
            opset_version=OPSET,
            dynamic_shapes=(tuple(free),),
            input_names=list(batch),
            output_names=list(OUTPUTS),
            verbose=False,
        )
    if program is None:
        raise ValueError("torch.onnx.export with dynamo returns a program")
    return bytes(_bare(program.model_proto).SerializeToString(deterministic=True))


def _bare(model: Any) -> Any:
    """Remove names of folders and source files: metadata of the model, its graph and its nodes."""
    del model.metadata_props[:]
    model.doc_string = model.graph.doc_string = ""
    del model.graph.metadata_props[:]
    for part in (model.graph, *model.functions):
        for each in (*part.node, *part.value_info):
            del each.metadata_props[:]
            each.doc_string = ""
    for each in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        del each.metadata_props[:]
        each.doc_string = ""
    return model


def _batches(what: Description, graph: Graph, store: Pixels, cases: Cases) -> Iterator[Arrays]:
    """Give the inputs of some cases at a time."""
    names = inputs_of(what, exams=graph.exams)
    white = 2**store.bits - 1
    for start in range(0, len(cases), TOGETHER):
        rows = cases.rows[start : start + TOGETHER]
        views, counts = [], []
        for view in range(graph.n_views):
            stacked, n = _stacked(store, rows[:, view], white, volumes=graph.exams)
            views.append(stacked)
            counts += [n] if graph.exams else []
        table = []
        if what.inputs.covariates and cases.entries is not None:
            table = [cases.entries[start : start + TOGETHER]]
        yield dict(zip(names, [*views, *counts, *table], strict=True))


def _stacked(
    store: Pixels, rows: NDArray[np.int64], white: int, *, volumes: bool
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return a view of some cases, and how many slices each has."""
    counts = np.array([0 if row == ABSENT else int(store.slices(row)) for row in rows], np.int64)
    parts = [store.pixels(np.array([row])) for row in rows[counts > 0]]
    if not volumes:
        return _scaled(np.concatenate(parts), white), counts
    side = _scaled(parts[0], white).shape[1:]
    whole = np.zeros((len(rows), max(int(counts.max()), 2), *side), np.float32)
    for number, part in zip(np.flatnonzero(counts), parts, strict=True):
        whole[number, : len(part)] = _scaled(part, white)
    return whole, counts


def _scaled(pixels: NDArray[Any], white: int) -> NDArray[np.float32]:
    """Bring pixels (n, rows, columns, channels) to float32 (n, channels, rows, columns), 0..1."""
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)).astype(np.float32) / np.float32(white)


def _asked(
    runtime: ModuleType, content: bytes, batches: Sequence[Arrays]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return scores and probabilities of the file, as onnxruntime reads it."""
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    said = [session.run(list(OUTPUTS), batch) for batch in batches]
    scores, chances = zip(*said, strict=True)
    return np.concatenate(scores), np.concatenate(chances)
