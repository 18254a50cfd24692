"""What every study needs: sources, manifest, and the contract of adapters."""
