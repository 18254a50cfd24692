"""Tests of scores and their comparison."""
