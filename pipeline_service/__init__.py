"""Owns the state of pipelines, runs and executions in Postgres."""
