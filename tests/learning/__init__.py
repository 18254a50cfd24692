"""Tests of the layer `learning`."""
