"""What networks see: cases of a part, batches, augmentation, order of an epoch."""
