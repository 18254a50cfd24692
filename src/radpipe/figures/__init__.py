"""Figures from tables: every `plot_*` draws into given axes, `sheet` makes a whole figure."""
