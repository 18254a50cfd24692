"""Synthetic pictures and volumes with known truth, of which phantom studies are made."""
