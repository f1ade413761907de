"""Keeps the state in Postgres. Decides nothing: guards by WHERE and by constraints."""
