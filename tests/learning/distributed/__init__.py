"""Tests of `radpipe.learning.distributed`."""
