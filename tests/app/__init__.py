"""Tests of `radpipe.app`."""
