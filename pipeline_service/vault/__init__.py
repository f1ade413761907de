"""Secrets at rest: which keys there are, and how a value is closed with them."""
