"""The processes that train one run together, and their devices."""
