"""Modules of a network by the names that settings give."""

from collections.abc import Iterable

from torch import nn

from radpipe.core.errors import ConfigError, near_miss


def modules_named(model: nn.Module, names: Iterable[str], where: str) -> tuple[nn.Module, ...]:
    """Find modules by name.

    Parameters
    ----------
    model
        Whose modules.
    names
        As `radpipe network` lists them.
    where
        The setting, for messages.

    Raises
    ------
    ConfigError
        A name is no module's.

    """
    known = dict(model.named_modules())
    for name in names:
        if not name or name not in known:
            top = [child for child, _ in model.named_children()]
            raise ConfigError(
                f"{where}: no module is called {name!r}{near_miss(name, known)}"
                f" The network consists of: {', '.join(top)}; names go on below with a dot."
            )
    return tuple(known[name] for name in names)
