"""Measured workloads; each prints what it took beside a floor from the same run."""
