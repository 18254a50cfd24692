"""Tests of `radpipe.detection`."""
