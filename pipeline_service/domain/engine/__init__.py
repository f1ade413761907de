"""Decides what reports, timers and requests do to a pipeline. One working set in, changes out."""
