"""Checklists of journals and cards of models and data, filled from what a run has written."""
