"""The steps as their scripts declare them, the runs that are planned, and who makes which file.

A script's `STEP` is the one description of a step. Its command line, the names of its runs, its
inputs and outputs, what Snakemake and DVC are told and its place in the order follow from it. It is
read from the source, because importing scripts would import torch.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

from radpipe.core.cohorts import judged_on
from radpipe.core.declared import (
    ARCHITECTURES,
    LOOPS,
    PLURALS,
    Declared,
    Values,
    fields_in,
    filled,
    read_steps,
)
from radpipe.core.ensembles import ensembles_of, study_of
from radpipe.core.errors import ConfigError, near_miss
from radpipe.core.imports import Code, registered
from radpipe.core.params import Params
from radpipe.core.settings import Features, Starting, Variant
from radpipe.core.settings.plan import start_file

RECEIPTS = Path("results/receipts")


@dataclass(frozen=True)
class Run:
    """One planned run of a step, with everything that its templates say filled in.

    Attributes
    ----------
    values
        Wildcard to value.
    reads, writes
        Name to paths; several where a template names a plural.
    settings
        Dotted paths in `params.yaml`.

    """

    graph: "Graph" = field(compare=False, repr=False)
    step: Declared
    values: Values
    reads: Mapping[str, tuple[str, ...]]
    writes: Mapping[str, tuple[str, ...]]
    settings: tuple[str, ...]

    @cached_property
    def name(self) -> str:
        """What tells it from the other runs of its step."""
        return self.step.run_name(self.values)

    @cached_property
    def key(self) -> tuple[str, str]:
        """Step and name."""
        return self.step.name, self.name

    @cached_property
    def title(self) -> str:
        """How messages name it."""
        return f"{self.step.name} {self.name}"

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """All paths that it reads."""
        return tuple(path for paths in self.reads.values() for path in paths)

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        """All paths that it writes."""
        return tuple(path for paths in self.writes.values() for path in paths)

    @cached_property
    def receipt(self) -> Path:
        """Where its receipt lies."""
        return receipt_path(*self.key)

    def code(self) -> set[Path]:
        """Return the files of code that it depends on: its script and whatever that imports."""
        return {self.step.script, *self.graph.code.needed(self.step.script, self.loads)}

    def imports(self, library: str) -> bool:
        """Tell whether any of this code imports a library, by its uppermost module."""
        source_of = self.graph.code.source_of
        return any(library in source_of(file).libraries for file in self.code())

    @property
    def loads(self) -> tuple[str, ...]:
        """The modules that it loads by name."""
        fields = self.graph.fields(self.values)
        fields["architectures"] = self.graph.architectures_of(self.values, fields)
        return tuple(module for template in self.step.loads for module in filled(template, fields))

    def is_plural(self, name: str) -> bool:
        """Tell whether an input stands for several files."""
        return any(key in PLURALS for key in fields_in(self.step.reads.get(name, "")))


class Graph:
    """The planned runs of all steps, in the order in which they are made."""

    def __init__(self, params: Params) -> None:
        self.params = params
        # What runs of a step depend on besides settings and files (`radpipe.core.receipts`).
        self.programs: dict[tuple[str, tuple[str, ...]], Any] = {}
        self.code = Code()
        self._found: dict[str, list[str]] = {}
        self._by_step: dict[str, list[Run]] = {}

    @cached_property
    def steps(self) -> dict[str, Declared]:
        """All steps by name, makers before users."""
        found = read_steps()
        depth = self._lengths(found)
        return {name: found[name] for name in sorted(found, key=lambda name: (depth[name], name))}

    @cached_property
    def runs(self) -> dict[tuple[str, str], Run]:
        """Every planned run by step and name, makers before users."""
        return {run.key: run for step in self.steps.values() for run in self._runs_of(step)}

    @cached_property
    def makers(self) -> dict[str, Run]:
        """The planned run that writes each path."""
        return {path: run for run in self.runs.values() for path in run.outputs}

    def planned(self, step: Declared, values: Values) -> Run:
        """Return a planned run.

        Raises
        ------
        ConfigError
            `params.yaml` does not plan it.

        """
        key = (step.name, step.run_name(values))
        if key not in self.runs:
            known = [run for name, run in self.runs if name == step.name]
            raise ConfigError(
                f"params.yaml plans no {step.name} {key[1]}{near_miss(key[1], known)} It plans:"
                f" {', '.join(known) or 'none'}."
            )
        return self.runs[key]

    def runs_of(self, step: str) -> list[Run]:
        """Return the planned runs of a step."""
        if step not in self._by_step:
            self._by_step[step] = [run for key, run in self.runs.items() if key[0] == step]
        return self._by_step[step]

    def makers_of(self, run: Run) -> list[Run]:
        """Return the runs that make what a run reads, each once."""
        found = (self.makers[path] for path in run.inputs if path in self.makers)
        return list({run.key: run for run in found}.values())

    def height(self, step: str) -> int:
        """Return how many steps follow a step, along the longest way to the end."""
        return self._heights[step]

    @cached_property
    def _heights(self) -> dict[str, int]:
        users: dict[str, set[str]] = defaultdict(set)
        for user, makers in _edges(self.steps).items():
            for maker in makers:
                users[maker].add(user)
        return _longest(self.steps, users)

    def values_of(self, each: str) -> Iterator[dict[str, str | int]]:
        """Yield the wildcards of every run of a loop."""
        plan = self.params.plan
        over: dict[str, list[Any]] = {
            "study": list(getattr(plan if each == "cohorts" else self.params, each, ())),
            "variant": list(self.params.explain if each == "explain" else plan.variants),
            "ensemble": list(plan.ensembles),
            "imported": list(plan.imported),
            "start": list(dict.fromkeys(plan.starts)),
            "fold": list(plan.folds),
            "seed": list(plan.seeds),
        }
        if each == "features":
            for name, block in self.params.features.items():
                yield {"study": block.study, "backbone": name}
            return
        for values in product(*(over[name] for name in LOOPS[each])):
            yield dict(zip(LOOPS[each], values, strict=True))

    def run(self, step: Declared, values: Values) -> Run:
        """Fill in a step's templates for one run."""
        fields = self.fields(values)
        return Run(
            self,
            step,
            dict(values),
            {name: filled(template, fields) for name, template in step.reads.items()},
            {name: filled(template, fields) for name, template in step.writes.items()},
            tuple(key for s in step.settings for key in _alternatives(s.format_map(fields))),
        )

    def fields(self, values: Values) -> dict[str, Any]:
        """Return what templates may name: wildcards, what follows from them, and plurals."""
        found: dict[str, Any] = {**self._plurals, **values}
        if "variant" in values:
            name = str(values["variant"])
            variant = self.params.variants[name]
            found |= _pixels_of(variant, self.params.origins[name])
            found["further"] = variant.all_borrowed[1:]
        if "backbone" in values:
            block = self.params.features[str(values["backbone"])]
            found |= _pixels_of(block, block)
        if "ensemble" in values:
            found |= self._combined(str(values["ensemble"]))
        if "imported" in values:
            table = self.params.plan.imported[str(values["imported"])]
            found |= {"study": table.study, "predictions": table.predictions}
        study = self.params.studies.get(str(found.get("study", "")))
        found["adapter"] = study.adapter if study else ""
        # A variant's study may be a cohort of another one, which is of no interest to its runs.
        return found | self._judged(str(values.get("study", "")))

    def _combined(self, ensemble: str) -> dict[str, Any]:
        """Return what templates may name of an ensemble."""
        plan = self.params.plan
        study = study_of(ensemble, plan, self.params.variants)
        return {"study": study, "members": list(plan.ensembles[ensemble].members)}

    def _judged(self, cohort: str) -> dict[str, Any]:
        """Return what templates may name of a cohort; of another study nothing."""
        plan, variants = self.params.plan, self.params.variants
        if cohort not in plan.cohorts:
            return {"home": "", "home_variants": [], "home_ensembles": [], "home_compared": []}
        names = judged_on(cohort, plan, variants)
        cropped = any(variants[name].localized for name in names)
        ensembles = ensembles_of(plan.cohorts[cohort], plan, variants)
        return {
            "home": plan.cohorts[cohort],
            "home_variants": names,
            "home_ensembles": ensembles,
            "home_compared": [*names, *ensembles],
            "cropped": [cohort] if cropped else [],
        }

    @cached_property
    def _plurals(self) -> dict[str, list[Any]]:
        plan = self.params.plan
        return {
            "studies": list(self.params.studies),
            "starts": list(dict.fromkeys(plan.starts)),
            "localized": list(self.params.localize),
            "cohorts": list(plan.cohorts),
            "variants": list(plan.variants),
            "explained": list(self.params.explain),
            "compared": plan.compared,
            "folds": list(plan.folds),
            "seeds": list(plan.seeds),
        }

    def architectures_of(self, values: Values, fields: Mapping[str, Any]) -> list[str]:
        """Name the modules of the architectures that a run builds."""
        if "backbone" in values:
            model = self.params.features[str(values["backbone"])].model.model_dump()
            return self._modules_in(model)
        names = [values["variant"]] if "variant" in values else fields["home_variants"]
        found = (module for name in names for module in self.architectures(str(name)))
        return list(dict.fromkeys(found))

    def architectures(self, variant: str) -> list[str]:
        """Name the modules of the architectures that a variant is built from."""
        if variant not in self._found:
            self._found[variant] = self._modules_in(self.params.recipes[variant]["model"])
        return self._found[variant]

    def _modules_in(self, model: Any) -> list[str]:
        names = sorted(self._modules.keys() & set(names_in(model)))
        return list(dict.fromkeys(self._modules[name].rpartition(".")[2] for name in names))

    @cached_property
    def _modules(self) -> dict[str, str]:
        return registered(ARCHITECTURES)

    def _runs_of(self, step: Declared) -> Iterator[Run]:
        return (self.run(step, values) for values in self.values_of(step.each))

    def _lengths(self, steps: Mapping[str, Declared]) -> dict[str, int]:
        return _longest(steps, _edges(steps))


def receipt_path(step: str, run: str) -> Path:
    """Return where the receipt of one run of a step lies."""
    return RECEIPTS / step / f"{run}.json"


def _pixels_of(what: Variant | Features, origin: Starting) -> dict[str, Any]:
    """Return what templates may name of what reads a store; its features have their own origin."""
    cropped = [origin.localized] if origin.localized else []
    return {"study": what.study, "store": what.store, "weights": what.start, "cropped": cropped}


def _alternatives(setting: str) -> list[str]:
    stem, _, last = setting.rpartition(".")
    return [f"{stem}.{key}" if stem else key for key in last.split("|")]


def names_in(model: Any) -> Iterator[str]:
    """Yield what the blocks of a model call themselves, at any depth."""
    if isinstance(model, Mapping):
        if isinstance(model.get("name"), str):
            yield model["name"]
        for value in model.values():
            yield from names_in(value)


def _edges(steps: Mapping[str, Declared]) -> dict[str, set[str]]:
    """Return, for each step, the steps that write what it reads."""
    writers: dict[str, set[str]] = defaultdict(set)
    for step in steps.values():
        for template in step.writes.values():
            writers[_shape(template)].add(step.name)
    # A variant's store is one of these folders, and its weights may be another run's, which is no
    # edge between steps, or those that a step describes. Features are made of pixels alone.
    folders = ("data/*/store", "data/*/crops", "data/*/features/*")
    writers["{store}"] = set().union(*(writers[folder] for folder in folders))
    writers["{weights}"] = writers[_shape(start_file("{start}"))]
    return {
        step.name: {
            maker
            for template in step.reads.values()
            for maker in writers.get(
                template if template in ("{store}", "{weights}") else _shape(template), ()
            )
            if maker != step.name
        }
        for step in steps.values()
    }


def _shape(template: str) -> str:
    return template.format_map(defaultdict(lambda: "*"))


def _longest(names: Mapping[str, Any], before: Mapping[str, set[str]]) -> dict[str, int]:
    """Return the length of the longest chain that ends in each name."""
    found: dict[str, int] = {}

    def length(name: str) -> int:
        if name not in found:
            found[name] = 1 + max((length(other) for other in before.get(name, ())), default=-1)
        return found[name]

    for name in names:
        length(name)
    return found
