"""The adapters there are: one module or package below `radpipe.studies` each."""

import importlib
import pkgutil
from typing import Any, cast

import radpipe.studies
from radpipe.core.checking import check
from radpipe.core.errors import ConfigError, unknown_name
from radpipe.core.settings import PhantomSource, Source
from radpipe.studies.base.contract import Adapter

NOT_ADAPTERS = {"base"}


def adapter_names() -> list[str]:
    """List the adapters by name, sorted."""
    found = {module.name for module in pkgutil.iter_modules(radpipe.studies.__path__)}
    return sorted(found - NOT_ADAPTERS)


def load_adapter(name: str) -> Adapter:
    """Import one adapter, and no other.

    Raises
    ------
    ConfigError
        No module of that name, or one without `ADAPTER`.

    """
    if name not in adapter_names():
        raise unknown_name("params.yaml: adapter", name, adapter_names())
    module = importlib.import_module(f"radpipe.studies.{name}")
    if not hasattr(module, "ADAPTER"):
        raise ConfigError(f"radpipe.studies.{name} has no ADAPTER; see docs/how-to/add-a-study.md.")
    return cast(Adapter, module.ADAPTER)


def read_layout(study: str, adapter: Adapter, layout: dict[str, Any]) -> Any:
    """Check a study's `layout` block against the adapter's own model."""
    where = f"studies.{study}.layout"
    return check(adapter.layout_model, layout, where=where, source="params.yaml")


def check_source(study: str, adapter: Adapter, source: Source) -> None:
    """Refuse a source that the adapter cannot draw.

    Raises
    ------
    ConfigError
        Another hospital's patients are asked for, and its phantom has none.

    """
    if isinstance(source, PhantomSource) and source.elsewhere and not adapter.has_elsewhere:
        raise ConfigError(
            f"params.yaml: studies.{study}.source.elsewhere: this adapter's phantom knows one"
            " hospital only. The way out: take the setting out; another seed draws other patients."
        )
