"""Tests of `radpipe.learning.training`."""
