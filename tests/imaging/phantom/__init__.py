"""Tests of `radpipe.imaging.phantom.bones`."""
