"""Pixels: reading, resizing, likeness, the store, and building blocks of phantoms."""
