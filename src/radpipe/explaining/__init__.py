"""Where a trained network looks: maps of single cases, the truth beside them, and scores."""
