"""Tests of `radpipe.learning.starts`."""
