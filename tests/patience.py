"""How long tests wait for what comes sooner or later."""

PATIENCE_S = 60.0
"""More than anything here needs on a machine that others use as well, and less than a test may take.

It tells a test that hangs from one that waits. What must be quick, or must not last, has a bound of its own.
"""
