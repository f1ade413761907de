"""Moves committed work to JetStream, at least once. The claim in Postgres decides, never the broker."""
