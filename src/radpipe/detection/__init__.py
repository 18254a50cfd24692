"""A detector of joints: its network, its training, and finding joints with it."""
