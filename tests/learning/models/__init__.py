"""Tests of `radpipe.learning.models`."""
