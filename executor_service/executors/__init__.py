"""The steps of each node type, and what they share."""
