"""Tells the pipeline service what becomes of executions, many reports to a call."""
