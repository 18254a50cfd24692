"""Tests of `radpipe.learning.data.cases`."""
