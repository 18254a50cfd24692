"""`radpipe check`: what in params.yaml cannot work, found before anything runs."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from radpipe.app.explained import mistakes_in_explain
from radpipe.core.descriptors import read_descriptor, refuse_use, refuse_version
from radpipe.core.errors import ConfigError, DataError
from radpipe.core.graph import names_in
from radpipe.core.params import Params
from radpipe.core.settings import ArraysSource, PathSource, Starting
from radpipe.core.starting import start_of
from radpipe.core.versions import versions_of
from radpipe.engines.remotes import unknown_remotes
from radpipe.studies.base.adapters import check_source, load_adapter, read_layout
from radpipe.studies.base.sources import check_arrays, check_path, raw_root

# Architectures that need an extra of the same name, which is called as its package is.
EXTRAS = {"timm"}


def mistakes(params: Params) -> Iterator[str]:
    """Yield what cannot work, each with its place and the way out.

    Layouts and targets of studies, folders they are read from, presets with their overrides,
    starting weights, imported tables, explanations, and DVC remotes.
    """
    for name in params.studies:
        yield from _of_study(name, params)
    for name in params.variants:
        yield from _of_variant(name, params)
    for name, table in params.plan.imported.items():
        if not Path(table.predictions).is_file():
            yield (
                f"params.yaml: plan.imported.{name}.predictions: there is no file"
                f" {table.predictions}. The way out: the table's path, relative to this folder; or"
                " dvc pull, if it is kept there"
            )
    for name, block in params.features.items():
        yield from _of_start(f"features.{name}", block, params)
    yield from mistakes_in_explain(params)
    for finding in unknown_remotes(params):
        yield f"params.yaml: {finding.what}. The way out: {finding.way_out}"


def _of_study(name: str, params: Params) -> Iterator[str]:
    study = params.studies[name]
    try:
        adapter = load_adapter(study.adapter)
        layout = read_layout(name, adapter, study.layout)
        check_source(name, adapter, study.source)
    except ConfigError as error:
        yield str(error)
    else:
        try:
            adapter.check_target(layout, study.target)
        except ConfigError as error:
            yield f"params.yaml: studies.{name}: {error}"
    if isinstance(study.source, PathSource):
        try:
            check_path(name, study.source.path, raw_root(name, study))
        except DataError as error:
            yield str(error)
    elif isinstance(study.source, ArraysSource) and not raw_root(name, study).exists():
        try:
            check_arrays(name, study.source)
        except DataError as error:
            yield str(error)


def _of_variant(name: str, params: Params) -> Iterator[str]:
    variant = params.variants[name]
    where = f"variants.{name}"
    try:
        # What a preset and its overrides come to is resolved when it is asked for.
        recipe = params.recipes[name]
    except ConfigError as error:
        yield str(error)
    else:
        yield from _missing_extras(where, recipe["model"])
    yield from _of_start(where, variant, params)


def _of_start(where: str, block: Starting, params: Params) -> Iterator[str]:
    for place, borrowed in block.places_of_borrowed:
        try:
            descriptor = read_descriptor(borrowed)
            refuse_use(descriptor, params.plan.use)
            refuse_version(descriptor)
        except ConfigError as error:
            yield f"params.yaml: {where}.{place}: {error}"
    if block.borrowed is not None:
        return
    # A run's weights are planned; that is checked when params.yaml is read.
    if start_of(block.weights) is None and not Path(block.weights).is_file():
        yield (
            f"params.yaml: {where}.weights: there is no file {block.weights}. The way out:"
            " weights/random.json for none, weights/<name>.json for what others learned, or those"
            " of a planned run,"
            " results/runs/<variant>/fold-<f>-seed-<s>/weights.safetensors"
        )


def _missing_extras(where: str, model: Mapping[str, Any]) -> Iterator[str]:
    """Yield the extras that a network needs and that are not installed."""
    for name in sorted(EXTRAS & set(names_in(model))):
        if versions_of([name])[name] == "not installed":
            yield (
                f"params.yaml: {where}.model.name: {name!r} needs the package {name}, which is not"
                f" installed. The way out: pip install 'radpipe[{name}]'; in a clone `make install`"
                " has it"
            )
