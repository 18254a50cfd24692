"""Trained models outside their project: what they are, raw files in, decisions out."""
