"""Faults of published code that a recipe reproduces on purpose."""

import logging

from radpipe.core.recipe import Recipe

log = logging.getLogger("radpipe.learning")


def tell_faults(recipe: Recipe) -> list[str]:
    """Warn of each fault that a recipe reproduces, and return their settings, for the receipt."""
    faults = recipe.train.faults
    for setting, what in faults.items():
        log.warning("%s reproduces a fault, %s: %s", recipe.variant, setting, what)
    return list(faults)
