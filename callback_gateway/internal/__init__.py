"""The second process, for callers inside: other services' secrets, and facts for renderers and analysis."""
