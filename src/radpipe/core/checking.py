"""Reading YAML and checking it, with every mistake named in plain words."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from radpipe.core.errors import ConfigError, near_miss

NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")


# The safe loader in C, where PyYAML was built with it: every job reads all of a large plan.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


T = TypeVar("T", bound=BaseModel)


def load_yaml(path: Path) -> Any:
    """Read YAML; text that is a number, such as 1e-05, becomes one.

    YAML 1.1 readers take `1e-05` as text and `dvc exp run -S` writes it so: every
    reader of settings goes through here.
    """
    try:
        value = yaml.load(Path(path).read_text(encoding="utf-8"), Loader=LOADER)  # noqa: S506
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: there is no such file.") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{path}, line {line}: no UTF-8. The way out: save the file in UTF-8."
        ) from error
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
