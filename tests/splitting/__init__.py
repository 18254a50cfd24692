"""Tests of the layer splitting."""
