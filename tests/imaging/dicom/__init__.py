"""Tests of `radpipe.imaging.dicom.read`."""
