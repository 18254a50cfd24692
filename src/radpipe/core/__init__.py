"""What every step needs and no step is about: settings, receipts, hashes, tables."""
