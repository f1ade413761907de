"""Alembic migrations. *pre* run before the new code is deployed, *post* after the old code is gone."""
