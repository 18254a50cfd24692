"""Tests of `radpipe.imaging`."""
