"""A run from its recipe to its files, in one process or several."""
