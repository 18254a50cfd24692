"""Everything that needs torch: models, batches, training, inference."""
