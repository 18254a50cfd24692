"""`params.yaml`, typed: what is known about every setting, and one loader for both engines."""

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from radpipe.core.checking import check, load_yaml
from radpipe.core.cohorts import check_cohorts
from radpipe.core.ensembles import check_ensembles
from radpipe.core.errors import ConfigError, near_miss
from radpipe.core.explained import Resolved, check_explain, resolved
from radpipe.core.frozen import check_features, refuse_memory, refuse_pictures
from radpipe.core.imported import check_imported
from radpipe.core.presets import load_preset
from radpipe.core.settings import (
    Evaluation,
    Explain,
    Features,
    Localize,
    Plan,
    Strict,
    Study,
    Variant,
)
from radpipe.core.settings.features import features_of
from radpipe.core.starting import ancestors, check_starts
from radpipe.core.terms import refuse_forbidden
from radpipe.core.versions import NUMERIC, versions_of


class Params(Strict):
    """The whole of `params.yaml`."""

    studies: dict[str, Study] = Field(description="One block per data set and question.")
    localize: dict[str, Localize] = Field(
        description="Studies whose joints are found and cut out, by name; {} for none."
    )
    # No default: DVC's loop asks for it.
    features: dict[str, Features] = Field(
        description="Frozen networks, whose features of a study are computed once, by name; {} for"
        " none."
    )
    variants: dict[str, Variant] = Field(description="Exactly what runs, by name.")
    plan: Plan
    # No default: DVC's loop asks for it.
    explain: dict[str, Explain] = Field(
        description="Planned variants that show where they look, by name; {} for none."
    )
    evaluation: Evaluation

    @cached_property
    def plain(self) -> dict[str, Any]:
        """The settings as JSON values, made once: large plans look thousands of them up.

        Beside the blocks of `params.yaml` stands what follows from them: `recipe`, by variant;
        `opened`, which says by study whether its test part is predicted; `explained`, the blocks
        of `explain` with published forms spelled out; `known_as` and `borrowed`.
        """
        opened = {name: self.opens(name) for name in self.studies}
        return {
            **self.model_dump(mode="json"),
            "recipe": self.recipes,
            "opened": opened,
            "explained": Resolved(
                self.explain, lambda name: self.explained[name].model_dump(mode="json")
            ),
            "known_as": self.known_as,
            "borrowed": self.borrowed,
        }

    def opens(self, study: str) -> bool:
        """Tell whether the test part of a study is predicted."""
        return study in self.plan.open_test

    @cached_property
    def explained(self) -> Resolved[Explain]:
        """The blocks of `explain`, with the published forms that they name spelled out."""
        return Resolved(self.explain, lambda name: resolved(name, self.explain[name]))

    @cached_property
    def known_as(self) -> dict[str, list[str]]:
        """By study, the names of the data sets that it may come from.

        None where all variants start at random, or from runs that did, and nothing was imported:
        nothing is asked of them.
        """
        asked = {v.study for name, v in self.variants.items() if self._from_outside(name)}
        asked |= {block.study for block in self.plan.imported.values()}
        asked |= {cohort for cohort, home in self.plan.cohorts.items() if home in asked}
        return {n: study.known_as(n) if n in asked else [] for n, study in self.studies.items()}

    def _from_outside(self, name: str) -> bool:
        """Tell whether a variant, or one that it starts from, starts from outside weights."""
        chain = [self.origins[each] for each in (name, *ancestors(name, self.origins))]
        return any(each.starts_elsewhere for each in chain)

    @cached_property
    def origins(self) -> dict[str, Variant]:
        """Variants, of which heads are taken for the frozen network that they look through.

        Pixels and starting weights of a head are those that its features were made from.
        """
        found = dict(self.variants)
        for name, variant in self.variants.items():
            if named := features_of(variant.store):
                block = self.features[named[1]]
                what = {"store": block.store, "weights": block.weights}
                found[name] = variant.model_copy(update=what)
        return found

    @cached_property
    def borrowed(self) -> dict[str, dict[str, Any]]:
        """By planned start, whose question is answered with it, and what a known name means.

        Each has `seen_by_name`, and `studies`: the studies of the variants that start from it, be
        it through other variants, and their cohorts, to the names of their data sets.
        """
        found: dict[str, dict[str, list[str]]] = {name: {} for name in self.plan.starts}
        for name, variant in self.variants.items():
            for each in (name, *ancestors(name, self.origins)):
                cohorts = [c for c, home in self.plan.cohorts.items() if home == variant.study]
                for start in found.keys() & self.origins[each].all_borrowed:
                    for study in (variant.study, *cohorts):
                        found[start][study] = self.studies[study].known_as(study)
        rule = self.plan.seen_by_name
        return {name: {"seen_by_name": rule, "studies": of} for name, of in found.items()}

    @cached_property
    def recipes(self) -> "Recipes":
        """What each variant comes to: target, network, training and versions, by name."""
        return Recipes(self)

    @property
    def _names(self) -> list[str]:
        """Whatever names files."""
        plan = self.plan
        return [*self.studies, *self.features, *self.variants, *plan.compared, *plan.starts]

    @model_validator(mode="after")
    def _names_agree(self) -> "Params":
        for name in self._names:
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
                raise ValueError(
                    f"{name!r} names files, so it may hold only letters, digits, '_' and '-'"
                )
        for name, block in self.localize.items():
            if name not in self.studies:
                raise ValueError(
                    f"localize: unknown {name!r}{near_miss(name, self.studies)}"
                    f" Known: {', '.join(sorted(self.studies))}."
                )
            here, there = block.remote, self.studies[name].remote
            if here != there:
                raise ValueError(
                    f"localize.{name}.remote must repeat studies.{name}.remote (DVC's loop sees"
                    f" only its own block): {there!r}, got {here!r}"
                )
        if twice := sorted({n for n in self.plan.variants if self.plan.variants.count(n) > 1}):
            raise ValueError(f"plan.variants: {', '.join(twice)} stands there twice")
        for name in self.plan.variants:
            if name not in self.variants:
                raise ValueError(
                    f"plan.variants: unknown {name!r}{near_miss(name, self.variants)}"
                    f" Known: {', '.join(sorted(self.variants))}."
                )
        for name, variant in self.variants.items():
            if variant.study not in self.studies:
                raise ValueError(
                    f"variants.{name}.study: unknown {variant.study!r}"
                    f"{near_miss(variant.study, self.studies)}"
                    f" Known: {', '.join(sorted(self.studies))}."
                )
        for study in self.plan.open_test:
            if study not in self.studies:
                raise ValueError(
                    f"plan.open_test: unknown {study!r}{near_miss(study, self.studies)}"
                    f" Known: {', '.join(sorted(self.studies))}."
                )
        for name, variant in self.variants.items():
            if variant.localized is not None and variant.localized not in self.localize:
                raise ValueError(
                    f"variants.{name}.store: {variant.store} is made by localize, and localize has"
                    f" no block {variant.localized!r}; it has: {', '.join(self.localize) or 'none'}"
                )
        check_features(self.features, self.studies, self.localize, self.variants, self.plan)
        for variant in self.variants.values():
            folds = self.studies[variant.study].split.folds
            if too_large := [fold for fold in self.plan.folds if fold >= folds]:
                raise ValueError(
                    f"plan.folds: fold {too_large[0]} does not exist, studies."
                    f"{variant.study}.split.folds is {folds} (0 to {folds - 1} are allowed)"
                )
        for starting in (self.variants, *([self.origins] if self.features else [])):
            check_starts(starting, self.plan)
        check_ensembles(self.variants, self.plan)
        check_imported(self.studies, self.variants, self.plan)
        check_cohorts(self.studies, self.localize, self.variants, self.plan)
        check_explain(self.explain, self.studies, self.variants, self.plan)
        return self


class Recipes(Mapping[str, dict[str, Any]]):
    """What variants come to before their data are known, each resolved when it is asked for.

    A pure function of `params.yaml`, the presets and the versions of numeric packages.
    """

    def __init__(self, params: Params, presets: Path = Path("presets")) -> None:
        self._params = params
        self._presets = presets
        self._found: dict[str, dict[str, Any]] = {}

    def __getitem__(self, name: str) -> dict[str, Any]:
        if name not in self._found:
            self._found[name] = self._resolved(name)
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._params.variants)

    def __len__(self) -> int:
        return len(self._params.variants)

    def check(self) -> None:
        """Resolve all, so that a wrong preset or override of whichever variant is told.

        Raises
        ------
        ConfigError
            The first that is wrong.

        """
        for name in self:
            self[name]

    def _resolved(self, name: str) -> dict[str, Any]:
        variant = self._params.variants[name]
        where = f"variants.{name}"
        preset = load_preset(variant.preset, variant.overrides, where=where, root=self._presets)
        if preset.train.normalize == "start" and variant.borrowed is None:
            raise ConfigError(
                f"{where}.train.normalize: start asks how the starting weights have learned, which"
                f" weights/<name>.json alone say, and {where}.weights is {variant.weights}. The way"
                " out: such weights, or normalize: unit, standard, imagenet or mrnet."
            )
        refuse_pictures(where, variant.store, preset.train, preset.augment)
        origin = self._params.origins[name]
        stores = {variant.store, origin.store}
        refuse_memory(where, preset.model.name, origin, stores, self._params.studies)
        if origin.starts_elsewhere and origin.borrowed is None:
            named = features_of(variant.store)
            place = f"features.{named[1]}" if named else where
            refuse_forbidden(f"{place}.weights", Path(origin.weights), self._params.plan.use)
        return {
            "variant": name,
            "study": variant.study,
            "target": self._params.studies[variant.study].target.model_dump(mode="json"),
            "preset": variant.preset,
            **preset.model_dump(mode="json", include={"source", "model", "train", "augment"}),
            "versions": versions_of(NUMERIC),
        }


def load_params(path: Path = Path("params.yaml")) -> Params:
    """Read and check `params.yaml`.

    Raises
    ------
    ConfigError
        One line per mistake: where it is, what was allowed, what came.

    """
    value = load_yaml(path)
    _refuse_names_dvc_forgets(value, "", str(path))
    return check(Params, value, where="", source=str(path))


def _refuse_names_dvc_forgets(value: Any, where: str, source: str) -> None:
    """Refuse keys with which DVC fails, or that it leaves out when it compares two runs.

    DVC 3.67 drops every key named `size` or `nfiles`, meant for files, from parameters too
    (dvc/stage/cache.py): two runs that differ in such a setting alone would get one result.
    """
    if isinstance(value, Mapping) and len(kinds := {type(key).__name__ for key in value}) > 1:
        raise ConfigError(
            f"{source}: {where}: some keys are text and some are not ({', '.join(sorted(kinds))}),"
            " which DVC cannot put in order. Put quotes around all of them."
        )
    for key, item in value.items() if isinstance(value, Mapping) else ():
        path = f"{where}.{key}" if where else str(key)
        if key in ("size", "nfiles"):
            raise ConfigError(
                f"{source}: {path}: a setting cannot be called {key!r}, because DVC does not"
                " see settings of that name change. Call it something else."
            )
        _refuse_names_dvc_forgets(item, path, source)


def lookup(params: Params, dotted: str) -> Any:
    """Return the JSON value at a dotted path such as `studies.bones.split`."""
    value: Any = params.plain
    for key in dotted.split("."):
        if key not in value:
            raise ConfigError(f"params.yaml: {dotted} does not exist{near_miss(key, value)}")
        value = value[key]
    return value
