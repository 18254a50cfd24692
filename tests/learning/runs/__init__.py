"""Tests of `radpipe.learning.runs`."""
