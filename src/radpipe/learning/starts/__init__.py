"""Starting from another run's weights, and whom these have learned from."""
