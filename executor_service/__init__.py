"""Does the work of executions and keeps no state."""
