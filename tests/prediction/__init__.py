"""Tests of what turns raw files into decisions outside a project."""
