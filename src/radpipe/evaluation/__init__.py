"""Scores with intervals, frozen operating points, paired comparison. NumPy and SciPy only."""
