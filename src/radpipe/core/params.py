"""`params.yaml`, typed: what is known about every setting, and one loader for both engines."""

import re
from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator

from radpipe.core.cohorts import check_cohorts
from radpipe.core.errors import ConfigError, near_miss
from radpipe.core.settings import (
    Augmentation,
    Evaluation,
    Localize,
    ModelChoice,
    Plan,
    Strict,
    Study,
    Training,
    Variant,
)
from radpipe.core.starting import check_starts
from radpipe.core.versions import NUMERIC, versions_of

NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")
# The safe loader in C, where PyYAML was built with it: every job reads all of a large plan.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
T = TypeVar("T", bound=BaseModel)


class Params(Strict):
    """The whole of `params.yaml`."""

    studies: dict[str, Study] = Field(description="One block per data set and question.")
    localize: dict[str, Localize] = Field(
        description="Studies whose joints are found and cut out, by name; {} for none."
    )
    variants: dict[str, Variant] = Field(description="Exactly what runs, by name.")
    plan: Plan
    evaluation: Evaluation

    @cached_property
    def plain(self) -> dict[str, Any]:
        """The settings as JSON values, made once: large plans look thousands of them up.

        Beside the blocks of `params.yaml` stands what follows from them: `recipe`, by variant,
        and `opened`, which says by study whether its test part is predicted.
        """
        opened = {name: self.opens(name) for name in self.studies}
        return {**self.model_dump(mode="json"), "recipe": self.recipes, "opened": opened}

    def opens(self, study: str) -> bool:
        """Tell whether the test part of a study is predicted."""
        return study in self.plan.open_test

    @cached_property
    def recipes(self) -> "Recipes":
        """What each variant comes to: target, network, training and versions, by name."""
        return Recipes(self)

    @model_validator(mode="after")
    def _names_agree(self) -> "Params":
        for name in [*self.studies, *self.variants]:
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
        for variant in self.variants.values():
            folds = self.studies[variant.study].split.folds
            if too_large := [fold for fold in self.plan.folds if fold >= folds]:
                raise ValueError(
                    f"plan.folds: fold {too_large[0]} does not exist, studies."
                    f"{variant.study}.split.folds is {folds} (0 to {folds - 1} are allowed)"
                )
        check_starts(self.variants, self.plan)
        check_cohorts(self.studies, self.localize, self.variants, self.plan)
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
        return {
            "variant": name,
            "study": variant.study,
            "target": self._params.studies[variant.study].target.model_dump(mode="json"),
            "preset": variant.preset,
            **preset.model_dump(mode="json", include={"source", "model", "train", "augment"}),
            "versions": versions_of(NUMERIC),
        }


class Preset(Strict):
    """Published or house settings of a network and its training."""

    source: str = Field(description="Who published these settings, or why the house chose them.")
    size: int = Field(ge=8, le=2048, description="Published side of the input in pixels.")
    channels: str = Field(pattern="^(grey|colour)$", description="Published input channels.")
    model: ModelChoice
    train: Training
    augment: Augmentation = Augmentation()


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


def load_preset(name: str, overrides: Mapping[str, Any], *, where: str, root: Path) -> Preset:
    """Read preset `<file>/<name>` from `root/<file>.yaml` and lay `overrides` over it.

    An override block that changes a `name` replaces the preset's block whole, because the
    other settings of that block belong to the old name.
    """
    files = sorted(file.stem for file in root.glob("*.yaml"))
    book, _, title = name.partition("/")
    if book not in files:
        raise ConfigError(
            f"{where}.preset: unknown {name!r}{near_miss(book, files)}"
            f" A preset is <file>/<name>, files: {', '.join(files)}."
        )
    presets = _book(root / f"{book}.yaml", (root / f"{book}.yaml").stat().st_mtime_ns)
    if not isinstance(presets, Mapping) or not all(
        isinstance(block, Mapping) for block in presets.values()
    ):
        raise ConfigError(f"{root}/{book}.yaml: each preset should be a block of settings.")
    if title not in presets:
        raise ConfigError(
            f"{where}.preset: unknown {name!r}{near_miss(title, presets)}"
            f" Known in {book}.yaml: {', '.join(sorted(presets))}."
        )
    merged = merge(presets[title], overrides)
    return check(Preset, merged, where=where, source=f"{root}/{book}.yaml with overrides")


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


@lru_cache(maxsize=8)
def _book(path: Path, changed: int) -> Any:
    """Read a file of presets once per state of it: hundreds of variants share a few files."""
    del changed
    return load_yaml(path)


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Lay `over` on `base`, block by block."""
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            changed = "name" in value and value["name"] != old.get("name")
            merged[key] = dict(value) if changed else merge(old, value)
        else:
            merged[key] = value
    return merged


def load_yaml(path: Path) -> Any:
    """Read YAML; text that is a number, such as 1e-05, becomes one.

    YAML 1.1 readers take `1e-05` as text and `dvc exp run -S` writes it so: every
    reader of settings goes through here.
    """
    try:
        value = yaml.load(Path(path).read_text(encoding="utf-8"), Loader=LOADER)  # noqa: S506
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: there is no such file.") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not valid YAML: {error}") from error
    return numbers(value)


def numbers(value: Any) -> Any:
    """Turn numeric text such as '1e-05' into numbers, at any depth; keys stay as they are.

    Only the exponent form is touched: '012' may be an identifier.
    """
    if isinstance(value, Mapping):
        return {key: numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [numbers(item) for item in value]
    if isinstance(value, str) and "e" in value.lower() and NUMBER.fullmatch(value):
        return float(value)
    return value


def check(model: type[T], value: Any, *, where: str, source: str) -> T:
    """Validate `value` against `model`, or raise one `ConfigError` naming every mistake.

    Parameters
    ----------
    model
        The typed form.
    value
        What was read.
    where
        Dotted path of `value` in the file, put before each mistake.
    source
        The file, for the message.

    """
    if not isinstance(value, Mapping):
        raise ConfigError(f"{source}: {where or 'the file'} should be a block of settings.")
    try:
        return model.model_validate(dict(value))
    except ValidationError as error:
        lines = [_explain(problem, model, where) for problem in error.errors()]
        raise ConfigError("\n".join(f"{source}: {line}" for line in lines)) from error


def lookup(params: Params, dotted: str) -> Any:
    """Return the JSON value at a dotted path such as `studies.bones.split`."""
    value: Any = params.plain
    for key in dotted.split("."):
        if key not in value:
            raise ConfigError(f"params.yaml: {dotted} does not exist{near_miss(key, value)}")
        value = value[key]
    return value


def _explain(problem: Any, model: type[BaseModel], where: str) -> str:
    """Turn one pydantic error into "path: unknown 'adm', did you mean 'adam'? ..."."""
    location = _without_tags(model, problem["loc"])
    path = ".".join(part for part in [where, *location] if part)
    kind, came, context = problem["type"], problem.get("input"), problem.get("ctx", {})
    if kind == "extra_forbidden":
        known = _known_keys(model, problem["loc"][:-1])
        return (
            f"{path}: unknown setting{near_miss(location[-1], known)}"
            f" Allowed here: {', '.join(known)}."
        )
    if kind == "missing":
        return f"{path}: missing; it has no default. {_described(model, problem['loc'])}".rstrip()
    if kind == "literal_error":
        allowed = re.findall(r"'([^']*)'", context["expected"]) or [context["expected"]]
        return (
            f"{path}: unknown {came!r}{near_miss(str(came), allowed)}"
            f" Allowed: {context['expected']}."
        )
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        key = context["discriminator"].strip("'")
        allowed = re.findall(r"'([^']*)'", context.get("expected_tags", ""))
        tag = came.get(key) if isinstance(came, Mapping) else came
        hint = near_miss(str(tag), allowed)
        return f"{path}.{key}: unknown {tag!r}{hint} Allowed: {', '.join(allowed)}."
    if kind == "value_error" and not location:
        return str(context["error"])
    message = problem["msg"].removeprefix("Value error, ")
    if message[1:2].islower():
        message = message[0].lower() + message[1:]
    return f"{path}: {message}, got {came!r}."


def _without_tags(model: type[BaseModel], location: tuple[Any, ...]) -> list[str]:
    """Drop what pydantic adds to a path: the chosen member of a tagged union."""
    schema = model.model_json_schema()
    nodes: list[Mapping[str, Any]] = [schema]
    kept = []
    for part in map(str, location):
        options = [option for node in nodes for option in _options(schema, node)]
        tags = {p.get("const") for option in options for p in option.get("properties", {}).values()}
        if part not in tags:
            kept.append(part)
        nodes = [child for node in nodes for child in _children(schema, node, part)]
    return kept


def _known_keys(model: type[BaseModel], location: tuple[Any, ...]) -> list[str]:
    """List the fields allowed at a location, walking through dicts, lists and unions."""
    schema = model.model_json_schema()
    nodes: list[Mapping[str, Any]] = [schema]
    for part in location:
        nodes = [child for node in nodes for child in _children(schema, node, str(part))]
    fields: list[str] = []
    for node in nodes:
        for option in _options(schema, node):
            fields += [key for key in option.get("properties", {}) if key not in fields]
    return fields


def _described(model: type[BaseModel], location: tuple[Any, ...]) -> str:
    """Return what the field at a location is for; empty where nothing is written down."""
    schema = model.model_json_schema()
    nodes: list[Mapping[str, Any]] = [schema]
    for part in location[:-1]:
        nodes = [child for node in nodes for child in _children(schema, node, str(part))]
    options = [option for node in nodes for option in _options(schema, node)]
    fields = [option.get("properties", {}).get(str(location[-1]), {}) for option in options]
    return next((str(field["description"]) for field in fields if "description" in field), "")


def _options(schema: Mapping[str, Any], node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if "$ref" in node:
        return _options(schema, schema["$defs"][node["$ref"].rpartition("/")[2]])
    found: list[Mapping[str, Any]] = []
    for key in ("anyOf", "oneOf", "allOf"):
        for option in node.get(key, []):
            found += _options(schema, option)
    return found or [node]


def _children(
    schema: Mapping[str, Any], node: Mapping[str, Any], part: str
) -> list[Mapping[str, Any]]:
    children: list[Mapping[str, Any]] = []
    for option in _options(schema, node):
        constants = {p.get("const") for p in option.get("properties", {}).values()}
        if part in option.get("properties", {}):
            children.append(option["properties"][part])
        elif isinstance(option.get("additionalProperties"), Mapping):
            children.append(option["additionalProperties"])
        elif part in constants:  # pydantic names the chosen member of a tagged union
            children.append(option)
        elif "items" in option and part.isdigit():
            children.append(option["items"])
    return children
