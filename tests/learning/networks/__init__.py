"""Tests of `radpipe.learning.networks`."""
