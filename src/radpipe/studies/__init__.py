"""Data sets: what an adapter is (`base`), and one package or module per layout."""
