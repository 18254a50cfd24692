"""A network around a model: normalisation, losses, inference, its file, its summary."""
