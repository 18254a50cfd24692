"""What stands between Snakemake and DVC: plans, freshness, record and sync."""
